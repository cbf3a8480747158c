/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The SYN cookie: SipHash-1-3 (Aumasson and Bernstein, 2012) of the probe's addresses and ports.
 *
 * The message has 14 bytes: source address, destination port, two zeros, destination address, source port, each in
 * network byte order. The low 32 bits of the hash are the sequence number, the next 16 the IPv4 identification. Twin:
 * Sources/Wire/Cookie.swift, which makes the numbers of probes.
 */
#ifndef SYNBOX_COOKIE_H
#define SYNBOX_COOKIE_H

#include "synbox.h"

#include <linux/bpf.h>

/* Redefines __always_inline, which linux/stddef.h defines as a hint only, to force inlining. */
#include <bpf/bpf_helpers.h>

static __always_inline __u64 rotate_left(__u64 x, int bits) { return (x << bits) | (x >> (64 - bits)); }

#define SIP_ROUND(v0, v1, v2, v3)                                                                  \
  do {                                                                                             \
    v0 += v1; v1 = rotate_left(v1, 13); v1 ^= v0; v0 = rotate_left(v0, 32);                        \
    v2 += v3; v3 = rotate_left(v3, 16); v3 ^= v2;                                                  \
    v0 += v3; v3 = rotate_left(v3, 21); v3 ^= v0;                                                  \
    v2 += v1; v1 = rotate_left(v1, 17); v1 ^= v2; v2 = rotate_left(v2, 32);                        \
  } while (0)

/* Returns the SipHash-1-3 of a message of two blocks; `last` includes the length byte. */
static __always_inline __u64 siphash_two_blocks(__u64 k0, __u64 k1, __u64 first, __u64 last) {
  __u64 v0 = k0 ^ 0x736f6d6570736575ULL, v1 = k1 ^ 0x646f72616e646f6dULL;
  __u64 v2 = k0 ^ 0x6c7967656e657261ULL, v3 = k1 ^ 0x7465646279746573ULL;
  v3 ^= first;
  SIP_ROUND(v0, v1, v2, v3);
  v0 ^= first;
  v3 ^= last;
  SIP_ROUND(v0, v1, v2, v3);
  v0 ^= last;
  v2 ^= 0xff;
  SIP_ROUND(v0, v1, v2, v3);
  SIP_ROUND(v0, v1, v2, v3);
  SIP_ROUND(v0, v1, v2, v3);
  return v0 ^ v1 ^ v2 ^ v3;
}

/* The two blocks of a probe's message. */
static __always_inline __u64 first_block(__be32 saddr, __be16 dport) {
  return (__u64)saddr | ((__u64)dport << 32);
}
static __always_inline __u64 last_block(__be32 daddr, __be16 sport) {
  return (__u64)daddr | ((__u64)sport << 32) | (14ULL << 56);
}

#endif
