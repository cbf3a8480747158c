/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Checksum verification (RFC 791, 792, 1071, 9293). XDP does not see the NIC's verdict, so the program verifies
 * the checksums itself. It does so after the cookie, so that only packets with a valid cookie cost the time.
 */
#ifndef SYNBOX_VERIFY_H
#define SYNBOX_VERIFY_H

#include "parse.h"
#include "synbox.h"

/* Bytes; a multiple of 4. */
#define SUM_CHUNK 64

/*
 * Returns the folded sum of `length` bytes of the packet from `offset`, zero-padded to an even number. Returns
 * less than 0 if the bytes exceed the packet or SYNBOX_LONGEST_REPLY.
 *
 * Not inlined, and copying chunks of one size, so that the verifier walks it once rather than for each path and
 * each length: that would take most of the time of loading.
 */
__noinline int sum_packet(struct xdp_md *context, __u32 offset, __u32 length) {
  if (offset > SYNBOX_LONGEST_REPLY || length > SYNBOX_LONGEST_REPLY || !length) return -1;
  __u32 bytes[SUM_CHUNK / 4];
  __u64 sum = 0;
  for (int round = 0; round < SYNBOX_LONGEST_REPLY / SUM_CHUNK && length > SUM_CHUNK; round++) {
    if (bpf_xdp_load_bytes(context, offset, bytes, SUM_CHUNK) < 0) return -1;
    sum += sum_words(bytes, SUM_CHUNK / 2);
    offset += SUM_CHUNK;
    length -= SUM_CHUNK;
  }
  if (length > SUM_CHUNK) return -1;
  __builtin_memset(bytes, 0, sizeof(bytes));
  if (bpf_xdp_load_bytes(context, offset, bytes, length) < 0) return -1;
  return fold(sum + sum_words(bytes, SUM_CHUNK / 2));
}

static __always_inline __u32 offset_of(struct xdp_md *context, const void *at) {
  return at - (void *)(long)context->data;
}

static __always_inline int ipv4_checksum_ok(struct xdp_md *context, const struct iphdr *ip) {
  if (ip->ihl == 5) return fold(sum_words(ip, 10)) == 0xffff;
  return sum_packet(context, offset_of(context, ip), ip->ihl * 4) == 0xffff;
}

/* Returns the sum of a TCP segment without data, which nearly all replies are. Not folded. */
static __always_inline __s64 sum_tcp_header(const struct tcphdr *tcp, struct cursor c) {
  __u32 options = tcp->doff * 4 - sizeof(*tcp);
  __u64 sum = sum_words(tcp, 10);
#pragma unroll
  for (__u32 word = 0; word < 10; word++) {
    __u32 *from = c.next + word * 4;
    if (options < (word + 1) * 4 || (void *)(from + 1) > c.end) break;
    sum += *from;
  }
  return sum;
}

/*
 * Verifies the TCP checksum over header, options and data. On a virtual link a local TCP leaves the checksum to
 * an adapter that does not exist, and the field holds only the pseudo-header's sum (Linux: CHECKSUM_PARTIAL);
 * `partial` accepts that. The cursor is behind the 20 bytes of the fixed header.
 */
static __always_inline int tcp_checksum_ok(struct xdp_md *context, struct cursor c, const struct iphdr *ip,
                                        const struct tcphdr *tcp, int partial) {
  __u32 length = ipv4_payload(ip);
  __u64 pseudo_header = sum_pseudo_header(ip, length);
  __s64 segment = length == tcp->doff * 4 ? sum_tcp_header(tcp, c)
                                        : sum_packet(context, offset_of(context, tcp), length);
  if (segment < 0) return 0;
  if (fold(pseudo_header + segment) == 0xffff) return 1;
  return partial && tcp->check == fold(pseudo_header);
}

static __always_inline int icmp_checksum_ok(struct xdp_md *context, const struct iphdr *ip,
                                         const struct icmphdr *icmp) {
  return sum_packet(context, offset_of(context, icmp), ipv4_payload(ip)) == 0xffff;
}

#endif
