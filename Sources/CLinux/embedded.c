// The BPF objects and the build's identity, embedded so that the product is one file. `make bpf` writes the embedded
// files.
#include "CLinux.h"

static const unsigned char receive[] __attribute__((aligned(8))) = {
#embed "../../build/bpf/receive.bpf.o"
};
const size_t clinux_receive_object_size = sizeof receive;

static const unsigned char probes[] __attribute__((aligned(8))) = {
#embed "../../build/bpf/probes.bpf.o"
};
const size_t clinux_probes_object_size = sizeof probes;

static const unsigned char responder[] __attribute__((aligned(8))) = {
#embed "../../build/bpf/responder.bpf.o"
};
const size_t clinux_responder_object_size = sizeof responder;

static const char revision[] = {
#embed "../../build/bpf/revision" suffix(,)
    0};
static const char components[] = {
#embed "../../build/bpf/components" suffix(,)
    0};

const void *clinux_receive_start(void) { return receive; }
const void *clinux_probes_start(void) { return probes; }
const void *clinux_responder_start(void) { return responder; }
const char *clinux_revision_text(void) { return revision; }
const char *clinux_components_text(void) { return components; }
