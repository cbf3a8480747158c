// libFuzzer's input, byte by byte, so that the Swift side needs no unsafe code.
#ifndef CFUZZ_H
#define CFUZZ_H

#include <stddef.h>
#include <stdint.h>

/// The input under test: its length, and one of its bytes.
size_t cfuzz_length(void);
uint8_t cfuzz_byte(size_t index);

/// Implemented in Swift: called before the first input, and for each input.
void synbox_fuzz_start(void);
void synbox_fuzz_one(void);

#endif
