/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The SYN cookie: SipHash-2-4 (Aumasson and Bernstein, 2012) of the probe's addresses and ports.
 *
 * The message is the 12 octets source address, destination address, source port, destination port,
 * each as it stands in the probe's headers. The low 32 bits of the hash are the sequence number.
 */
#ifndef SYNBOX_COOKIE_H
#define SYNBOX_COOKIE_H

#include "synbox.h"

#include <linux/bpf.h>

/* Its __always_inline insists; that of linux/stddef.h, in force until here, does not. */
#include <bpf/bpf_helpers.h>

static __always_inline __u64 rotate_left(__u64 x, int bits) { return (x << bits) | (x >> (64 - bits)); }

#define SIP_ROUND(v0, v1, v2, v3)                                                                  \
  do {                                                                                             \
    v0 += v1; v1 = rotate_left(v1, 13); v1 ^= v0; v0 = rotate_left(v0, 32);                        \
    v2 += v3; v3 = rotate_left(v3, 16); v3 ^= v2;                                                  \
    v0 += v3; v3 = rotate_left(v3, 21); v3 ^= v0;                                                  \
    v2 += v1; v1 = rotate_left(v1, 17); v1 ^= v2; v2 = rotate_left(v2, 32);                        \
  } while (0)

/* SipHash-2-4 of a message whose last block, length octet included, is `last`. */
static __always_inline __u64 siphash_two_blocks(__u64 k0, __u64 k1, __u64 first, __u64 last) {
  __u64 v0 = k0 ^ 0x736f6d6570736575ULL, v1 = k1 ^ 0x646f72616e646f6dULL;
  __u64 v2 = k0 ^ 0x6c7967656e657261ULL, v3 = k1 ^ 0x7465646279746573ULL;
  v3 ^= first;
  SIP_ROUND(v0, v1, v2, v3);
  SIP_ROUND(v0, v1, v2, v3);
  v0 ^= first;
  v3 ^= last;
  SIP_ROUND(v0, v1, v2, v3);
  SIP_ROUND(v0, v1, v2, v3);
  v0 ^= last;
  v2 ^= 0xff;
  SIP_ROUND(v0, v1, v2, v3);
  SIP_ROUND(v0, v1, v2, v3);
  SIP_ROUND(v0, v1, v2, v3);
  SIP_ROUND(v0, v1, v2, v3);
  return v0 ^ v1 ^ v2 ^ v3;
}

/*
 * The hash of the probe from (saddr, sport) to (daddr, dport). Its low 32 bits are the sequence number in
 * host order, the next 16 the IPv4 identification where that is random.
 */
static __always_inline __u64 probe_hash(const struct synbox_key *key, __be32 saddr, __be32 daddr,
                                        __be16 sport, __be16 dport) {
  __u64 first = (__u64)saddr | ((__u64)daddr << 32);
  __u64 last = (__u64)sport | ((__u64)dport << 16) | (12ULL << 56);
  return siphash_two_blocks(key->k0, key->k1, first, last);
}

static __always_inline __u32 cookie(const struct synbox_key *key, __be32 saddr, __be32 daddr,
                                    __be16 sport, __be16 dport) {
  return (__u32)probe_hash(key, saddr, daddr, sport, dport);
}

#endif
