// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The target node: replies to SYNs in place by a fixed rule and counts what it receives and sends. It owns every
 * address and port behind its interface; the rule alone decides which of them are open.
 */
#include "cookie.h"
#include "parse.h"

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, SYNBOX_RESPONDER_STATS);
  __type(key, __u32);
  __type(value, __u64);
} RESPONDER_STATS SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, SYNBOX_ARRIVAL_SLOTS + 1);
  __type(key, __u32);
  __type(value, __u64);
} ARRIVALS SEC(".maps");

/* CLOCK_MONOTONIC at the first valid SYN, in nanoseconds; 0 before it. */
__u64 first_arrival;

const volatile struct synbox_responder_settings settings = {.threshold = 1ULL << 32};

static __always_inline void count(__u32 stat) {
  __u64 *counter = bpf_map_lookup_elem(&RESPONDER_STATS, &stat);
  if (counter) *counter += 1;
}

static __always_inline int pass(__u32 stat) {
  count(stat);
  return XDP_PASS;
}

static __always_inline int drop(__u32 stat) {
  count(stat);
  return XDP_DROP;
}

/* Frames arrive on any processor, so two may race to be the first, and a later one may have an earlier time. */
static __always_inline void count_arrival(void) {
  __u64 now = bpf_ktime_get_ns();
  __u64 first = __sync_val_compare_and_swap(&first_arrival, 0, now);
  if (!first || first > now) first = now;
  __u64 millisecond = (now - first) / 1000000;
  __u32 slot = millisecond < SYNBOX_ARRIVAL_SLOTS ? millisecond : SYNBOX_ARRIVAL_SLOTS;
  __u64 *arrivals = bpf_map_lookup_elem(&ARRIVALS, &slot);
  if (arrivals) __sync_fetch_and_add(arrivals, 1);
}

/* Returns the hash of the pair under the seed. Its high half becomes the SYN-ACK's sequence number. */
static __always_inline __u64 pair_hash(__be32 address, __be16 port) {
  return siphash_two_blocks(settings.seed, 0, (__u64)address | ((__u64)port << 32), 8ULL << 56);
}

static __always_inline int is_open(__be32 address, __u64 hash) {
  if (settings.answer == SYNBOX_ANSWER_EVEN) return !(bpf_ntohl(address) & 1);
  if (settings.answer == SYNBOX_ANSWER_SHARE) return (__u32)hash < settings.threshold;
  return 1;
}

/*
 * Verifies both checksums and the lengths, over the headers and up to 40 bytes of options, as a real TCP does
 * before it accepts a segment. A probe carries no data.
 */
static __always_inline int is_valid(const struct iphdr *ip, const struct tcphdr *tcp, struct cursor c) {
  if (ip->ihl != 5 || fold(sum_words(ip, 10)) != 0xffff) return 0;
  __u32 length = bpf_ntohs(ip->tot_len) - sizeof(*ip);
  if (length != (__u32)tcp->doff * 4) return 0;
  __u64 sum = sum_pseudo_header(ip, length) + sum_words(tcp, 10);
#pragma unroll
  for (__u32 word = 0; word < 10; word++) {
    __u16 *at = c.next + word * 4;
    if (length < sizeof(*tcp) + (word + 1) * 4) break;
    if ((void *)(at + 2) > c.end) return 0;
    sum += at[0] + at[1];
  }
  return fold(sum) == 0xffff;
}

/*
 * Sends the frame out of the interface that it came from. After XDP_TX a veth wakes its peer only if the peer has
 * an XDP program; after a redirect, whenever the peer polls, as it does with GRO (drivers/net/veth.c,
 * veth_xdp_flush).
 */
static __always_inline int send_back(struct xdp_md *context) {
  return settings.redirect ? bpf_redirect(context->ingress_ifindex, 0) : XDP_TX;
}

SEC("xdp")
int responder(struct xdp_md *context) {
  count(SYNBOX_RESPONDER_RECEIVED);
  struct cursor c = cursor_of(context);
  __be16 ether_type;
  struct ethhdr *ethernet = parse_ethernet(&c, &ether_type);
  if (!ethernet || ether_type != bpf_htons(ETH_P_IP)) return pass(SYNBOX_RESPONDER_OTHER);
  struct iphdr *ip = parse_ipv4(&c);
  if (!ip || ip->protocol != IPPROTO_TCP) return pass(SYNBOX_RESPONDER_OTHER);
  struct tcphdr *tcp = parse_tcp(&c);
  if (!tcp) return pass(SYNBOX_RESPONDER_OTHER);

  __u8 flags = tcp_flags(tcp) & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK);
  if (flags & TCP_RST) {
    return drop(is_valid(ip, tcp, c) ? SYNBOX_RESPONDER_RST : SYNBOX_RESPONDER_RST_BAD);
  }
  if (flags != TCP_SYN) return pass(SYNBOX_RESPONDER_OTHER);
  if (!is_valid(ip, tcp, c)) return drop(SYNBOX_RESPONDER_SYN_BAD);
  count(SYNBOX_RESPONDER_SYN);
  if (settings.watch_mask && (ip->daddr & settings.watch_mask) == settings.watch_network)
    count(SYNBOX_RESPONDER_WATCHED);
  if (settings.arrivals) count_arrival();

  __u64 hash = pair_hash(ip->daddr, tcp->dest);
  __be32 acknowledges = bpf_htonl(bpf_ntohl(tcp->seq) + 1);
  if (is_open(ip->daddr, hash)) {
    count(SYNBOX_RESPONDER_ANSWERED);
    make_reply(ethernet, ip, tcp, (__be32)(hash >> 32), acknowledges, TCP_SYN | TCP_ACK, 65535);
    return send_back(context);
  }
  if (!settings.closed_rst) return XDP_DROP;
  count(SYNBOX_RESPONDER_REFUSED);
  make_reply(ethernet, ip, tcp, 0, acknowledges, TCP_RST | TCP_ACK, 0);
  return send_back(context);
}

/*
 * A hostile neighbour, for tests: counts frames shorter than any that a scanner sends as invalid, cuts each to its Ethernet
 * and IPv4 headers, and returns it as a packet that the receive program drops. Loaded instead of `responder`.
 */
SEC("?xdp")
int shorten(struct xdp_md *context) {
  count(SYNBOX_RESPONDER_RECEIVED);
  struct cursor c = cursor_of(context);
  long length = c.end - c.next, kept = ETH_HLEN + sizeof(struct iphdr);
  count(length < ETH_ZLEN ? SYNBOX_RESPONDER_SYN_BAD : SYNBOX_RESPONDER_SYN);
  __be16 ether_type;
  struct ethhdr *ethernet = parse_ethernet(&c, &ether_type);
  if (!ethernet || ether_type != bpf_htons(ETH_P_IP)) return XDP_DROP;
  struct iphdr *ip = c.next;
  if ((void *)(ip + 1) > c.end) return XDP_DROP;
  __u8 mac[ETH_ALEN];
  __builtin_memcpy(mac, ethernet->h_dest, ETH_ALEN);
  __builtin_memcpy(ethernet->h_dest, ethernet->h_source, ETH_ALEN);
  __builtin_memcpy(ethernet->h_source, mac, ETH_ALEN);
  __be32 address = ip->saddr;
  ip->saddr = ip->daddr;
  ip->daddr = address;
  ip->tot_len = bpf_htons(sizeof(*ip));
  ip->protocol = 253; /* for experiments (RFC 3692) */
  if (length > kept && bpf_xdp_adjust_tail(context, (int)(kept - length)) < 0) return XDP_DROP;
  return XDP_TX;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
