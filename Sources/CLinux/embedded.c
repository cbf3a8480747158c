// The BPF objects and the build's identity, taken in at compile time so that the binary is the whole
// product. `make bpf` writes the files; without them this file does not compile, and says which.
#include "CLinux.h"

const unsigned char clinux_answers_object[] __attribute__((aligned(8))) = {
#embed "../../build/bpf/answers.bpf.o"
};
const size_t clinux_answers_object_size = sizeof clinux_answers_object;

const unsigned char clinux_responder_object[] __attribute__((aligned(8))) = {
#embed "../../build/bpf/responder.bpf.o"
};
const size_t clinux_responder_object_size = sizeof clinux_responder_object;

const char clinux_revision[] = {
#embed "../../build/bpf/revision" suffix(,)
    0};
const char clinux_libxdp_version[] = {
#embed "../../build/bpf/libxdp-version" suffix(,)
    0};
