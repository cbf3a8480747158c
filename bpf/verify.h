/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Whether a received packet's checksums hold (RFC 791, 792, 1071, 9293). XDP does not see what the NIC made of
 * them, so what would be believed is checked here, after its cookie: only a packet that proved itself costs it.
 */
#ifndef SYNBOX_VERIFY_H
#define SYNBOX_VERIFY_H

#include "parse.h"
#include "synbox.h"

/* Bytes; a multiple of 4. */
#define SUMMED_AT_ONCE 64

/*
 * The sum of `length` bytes of the packet from `offset` on, an odd last one as if a zero followed, folded. Less
 * than 0 when not all of them lie in the packet, or they are more than a reply has. A function of its own, and by
 * copies of one size, so that the verifier goes through it once, not for each way that leads here and for each
 * length: that would be most of the time that attaching takes.
 */
__noinline int sum_packet(struct xdp_md *context, __u32 offset, __u32 length) {
  if (offset > SYNBOX_LONGEST_REPLY || length > SYNBOX_LONGEST_REPLY || !length) return -1;
  __u32 bytes[SUMMED_AT_ONCE / 4];
  __u64 sum = 0;
  for (int round = 0; round < SYNBOX_LONGEST_REPLY / SUMMED_AT_ONCE && length > SUMMED_AT_ONCE; round++) {
    if (bpf_xdp_load_bytes(context, offset, bytes, SUMMED_AT_ONCE) < 0) return -1;
    sum += sum_words(bytes, SUMMED_AT_ONCE / 2);
    offset += SUMMED_AT_ONCE;
    length -= SUMMED_AT_ONCE;
  }
  if (length > SUMMED_AT_ONCE) return -1;
  __builtin_memset(bytes, 0, sizeof(bytes));
  if (bpf_xdp_load_bytes(context, offset, bytes, length) < 0) return -1;
  return fold(sum + sum_words(bytes, SUMMED_AT_ONCE / 2));
}

static __always_inline __u32 offset_of(struct xdp_md *context, const void *at) {
  return at - (void *)(long)context->data;
}

static __always_inline int ipv4_is_sound(struct xdp_md *context, const struct iphdr *ip) {
  if (ip->ihl == 5) return fold(sum_words(ip, 10)) == 0xffff;
  return sum_packet(context, offset_of(context, ip), ip->ihl * 4) == 0xffff;
}

/* The sum of a TCP segment without data, folded: what nearly all replies are. */
static __always_inline __u16 sum_tcp_header(const struct tcphdr *tcp, struct cursor c) {
  __u32 options = tcp->doff * 4 - sizeof(*tcp);
  __u64 sum = sum_words(tcp, 10);
#pragma unroll
  for (__u32 word = 0; word < 10; word++) {
    __u32 *from = c.next + word * 4;
    if (options < (word + 1) * 4 || (void *)(from + 1) > c.end) break;
    sum += *from;
  }
  return fold(sum);
}

/*
 * The TCP checksum over header, options and data. On a virtual link a local TCP leaves it to the adapter to
 * complete, and none does: then the field holds the pseudo-header's sum (Linux: CHECKSUM_PARTIAL), which is
 * accepted where `partial` says so. The cursor stands behind the 20 bytes of the header.
 */
static __always_inline int tcp_is_sound(struct xdp_md *context, struct cursor c, const struct iphdr *ip,
                                        const struct tcphdr *tcp, int partial) {
  __u32 length = ipv4_payload(ip);
  __u64 pseudo_header = sum_pseudo_header(ip, length);
  int segment = length == tcp->doff * 4 ? sum_tcp_header(tcp, c)
                                        : sum_packet(context, offset_of(context, tcp), length);
  if (segment < 0) return 0;
  if (fold(pseudo_header + segment) == 0xffff) return 1;
  return partial && tcp->check == fold(pseudo_header);
}

static __always_inline int icmp_is_sound(struct xdp_md *context, const struct iphdr *ip,
                                         const struct icmphdr *icmp) {
  return sum_packet(context, offset_of(context, icmp), ipv4_payload(ip)) == 0xffff;
}

#endif
