// What libFuzzer hands over, byte by byte, so that the Swift side needs no unsafe code.
#ifndef CFUZZ_H
#define CFUZZ_H

#include <stddef.h>
#include <stdint.h>

/// The input under test: its length, and one of its bytes.
size_t cfuzz_length(void);
uint8_t cfuzz_byte(size_t index);

/// In Swift: what is to be done before the first input, and for each.
void synbox_fuzz_start(void);
void synbox_fuzz_one(void);

#endif
