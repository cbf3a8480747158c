// What libFuzzer hands over, octet by octet, so that the Swift side needs no unsafe code.
#ifndef CFUZZ_H
#define CFUZZ_H

#include <stddef.h>
#include <stdint.h>

/// The input under test: its length, and one of its octets.
size_t cfuzz_length(void);
uint8_t cfuzz_octet(size_t index);

/// In Swift: what is to be done before the first input, and for each.
void synbox_fuzz_start(void);
void synbox_fuzz_one(void);

#endif
