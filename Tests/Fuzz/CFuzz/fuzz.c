// The functions that libFuzzer calls (llvm.org/docs/LibFuzzer.html).
#include "CFuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *input;
static size_t length;

size_t cfuzz_length(void) { return length; }
uint8_t cfuzz_byte(size_t index) { return input[index]; }

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  synbox_fuzz_start();
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input = data;
  length = size;
  synbox_fuzz_one();
  return 0;
}
