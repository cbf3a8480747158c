// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A constant frame again and again, through the kernel path of the generator: no cookie, no ring, no
 * counting. What this path can do at most on a machine, for benchmarks alone.
 */
#include "parse.h"
#include "synbox.h"

const volatile __u32 interface = 0;

SEC("xdp")
int flood(struct xdp_md *context) {
  if (context->ingress_ifindex != SYNBOX_LOOPBACK) return XDP_PASS;
  return bpf_redirect(interface, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
