/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A cursor over a packet, and a bounds-checked parser for each header (RFC 791, 792, 9293; IEEE 802.1Q).
 *
 * Each parser returns a pointer to its header and moves the cursor behind it, or returns NULL and leaves the
 * cursor where it was. The caller reads the next protocol's number from the header, so that an EtherType is
 * never compared with an IP protocol.
 */
#ifndef SYNBOX_PARSE_H
#define SYNBOX_PARSE_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>

#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define IPV4_FRAGMENT_BITS 0x3fff /* more-fragments flag and fragment offset */
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

struct cursor {
  void *next;
  void *end;
};

/* linux/icmp.h includes the C library's socket headers, so the few names needed are defined here (RFC 792). */
#define ICMP_DEST_UNREACH 3
#define ICMP_SOURCE_QUENCH 4
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12

struct icmphdr {
  __u8 type;
  __u8 code;
  __be16 checksum;
  __be32 rest;
};

struct vlan_header {
  __be16 tag_control;
  __be16 ether_type;
};

static __always_inline struct cursor cursor_of(struct xdp_md *context) {
  struct cursor c = {(void *)(long)context->data, (void *)(long)context->data_end};
  return c;
}

/* Parses Ethernet and up to two 802.1Q tags. *ether_type becomes the payload's. */
static __always_inline struct ethhdr *parse_ethernet(struct cursor *c, __be16 *ether_type) {
  struct ethhdr *ethernet = c->next;
  if ((void *)(ethernet + 1) > c->end) return NULL;
  c->next = ethernet + 1;
  *ether_type = ethernet->h_proto;
  for (int tag = 0; tag < 2; tag++) {
    if (*ether_type != bpf_htons(ETH_P_8021Q) && *ether_type != bpf_htons(ETH_P_8021AD)) break;
    struct vlan_header *vlan = c->next;
    if ((void *)(vlan + 1) > c->end) return NULL;
    c->next = vlan + 1;
    *ether_type = vlan->ether_type;
  }
  return ethernet;
}

/* Parses IPv4 with its options. Returns NULL if it is truncated, not version 4, or its lengths contradict each
   other. */
static __always_inline struct iphdr *parse_ipv4(struct cursor *c) {
  struct iphdr *ip = c->next;
  if ((void *)(ip + 1) > c->end) return NULL;
  __u32 header = ip->ihl * 4;
  if (ip->version != 4 || header < sizeof(*ip)) return NULL;
  if (bpf_ntohs(ip->tot_len) < header) return NULL;
  if (c->next + header > c->end) return NULL;
  c->next += header;
  return ip;
}

/* Returns the number of bytes behind the IPv4 header and its options, from the total length. */
static __always_inline __u32 ipv4_payload(const struct iphdr *ip) {
  return bpf_ntohs(ip->tot_len) - ip->ihl * 4;
}

/* Returns whether all of the total length was received. Bytes beyond it are the link's padding. */
static __always_inline int ipv4_is_whole(const struct iphdr *ip, struct cursor c) {
  return (const void *)ip + bpf_ntohs(ip->tot_len) <= c.end;
}

/* Parses the fixed 20 bytes of TCP; copy_tcp_options reads the options. */
static __always_inline struct tcphdr *parse_tcp(struct cursor *c) {
  struct tcphdr *tcp = c->next;
  if ((void *)(tcp + 1) > c->end) return NULL;
  if (tcp->doff < 5) return NULL;
  c->next = tcp + 1;
  return tcp;
}

static __always_inline __u8 tcp_flags(const struct tcphdr *tcp) { return ((const __u8 *)tcp)[13]; }

/* ---- Internet checksum (RFC 1071) ---- */

static __always_inline __u16 fold(__u64 sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (__u16)sum;
}

/*
 * Returns the sum of `words` 16-bit words. `words` is an even constant, so the loop unrolls. Adds two words at a
 * time, because folding adds the halves to each other.
 */
static __always_inline __u64 sum_words(const void *from, int words) {
  /* may_alias, because headers have fields of all sizes. */
  typedef __u32 __attribute__((may_alias)) word_pair;
  const word_pair *pair = from;
  __u64 sum = 0;
#pragma unroll
  for (int i = 0; i < words / 2; i++) sum += pair[i];
  return sum;
}

/* Returns the sum of the TCP pseudo-header (RFC 9293, section 3.1). `length` is in host order. */
static __always_inline __u64 sum_pseudo_header(const struct iphdr *ip, __u16 length) {
  return sum_words(&ip->saddr, 4) + bpf_htons(IPPROTO_TCP) + bpf_htons(length);
}

/*
 * Rewrites a received TCP packet in place as a reply to its sender: swaps the addresses and ports and writes the
 * other fields of the 20-byte IPv4 and TCP headers, without options or payload. `seq` and `ack` are big-endian.
 * The caller has checked that both headers lie inside the packet and that the IPv4 header has no options.
 */
static __always_inline void make_reply(struct ethhdr *ethernet, struct iphdr *ip, struct tcphdr *tcp,
                                       __be32 seq, __be32 ack, __u8 flags, __u16 window) {
  unsigned char mac[ETH_ALEN];
  __builtin_memcpy(mac, ethernet->h_source, ETH_ALEN);
  __builtin_memcpy(ethernet->h_source, ethernet->h_dest, ETH_ALEN);
  __builtin_memcpy(ethernet->h_dest, mac, ETH_ALEN);

  __be32 address = ip->saddr;
  ip->saddr = ip->daddr;
  ip->daddr = address;
  ip->tos = 0;
  ip->tot_len = bpf_htons(sizeof(*ip) + sizeof(*tcp));
  ip->frag_off = 0;
  ip->ttl = 64;
  ip->check = 0;
  ip->check = ~fold(sum_words(ip, 10));

  __be16 port = tcp->source;
  tcp->source = tcp->dest;
  tcp->dest = port;
  tcp->seq = seq;
  tcp->ack_seq = ack;
  ((__u8 *)tcp)[12] = (sizeof(*tcp) / 4) << 4;
  ((__u8 *)tcp)[13] = flags;
  tcp->window = bpf_htons(window);
  tcp->check = 0;
  tcp->urg_ptr = 0;
  tcp->check = ~fold(sum_pseudo_header(ip, sizeof(*tcp)) + sum_words(tcp, 10));
}

#endif
