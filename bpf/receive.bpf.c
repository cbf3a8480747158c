// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The receive program. A packet that validly replies to one of our probes becomes an event. Every other packet is
 * passed to the kernel untouched, or dropped if it is for a dedicated address. Each packet is counted under exactly one
 * fate. The program sends nothing itself.
 */
#include "cookie.h"
#include "parse.h"
#include "verify.h"

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, SYNBOX_SLOTS + 1);
  __type(key, __u32);
  __type(value, struct synbox_counts);
} STATS SEC(".maps");

/* Our source addresses, big-endian, with their enum synbox_use. The loader sets max_entries. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 65536);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __be32);
  __type(value, __u8);
} WHITELIST_IPV4 SEC(".maps");

/* The event ring. The loader sets max_entries. */
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1 << 22);
} EVENTS SEC(".maps");

/* By slot. Mapped by the scanner, which writes a new key for each job without a system call. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, SYNBOX_SLOTS);
  __type(key, __u32);
  __type(value, struct synbox_key);
} SIPHASH_KEY SEC(".maps");

/* The generator's program (probes.bpf.c), if there is one. */
struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} GENERATOR SEC(".maps");

/* const volatile, so that the verifier knows the values at load and removes branches that cannot be taken. */
const volatile struct synbox_settings settings = {
    .port_first = 32768, .port_last = 61000, .wants_rst = 1, .slots = 1, .hints = 1};

static __always_inline void count(__u32 slot, __u32 stat) {
  struct synbox_counts *counts = bpf_map_lookup_elem(&STATS, &slot);
  if (counts) counts->of[stat] += 1;
}

static __always_inline int pass(__u32 fate) {
  count(SYNBOX_NO_SLOT, fate);
  return XDP_PASS;
}

/* Counts a packet to one of our addresses that is no valid reply. Passes it, or drops it if the address is dedicated. */
static __always_inline int refuse(__u8 use, __u32 fate) {
  __u32 slot = SYNBOX_NO_SLOT;
  struct synbox_counts *counts = bpf_map_lookup_elem(&STATS, &slot);
  if (counts) {
    counts->of[fate] += 1;
    counts->of[SYNBOX_WITHHELD] += use == SYNBOX_DEDICATED;
  }
  return use == SYNBOX_DEDICATED ? XDP_DROP : XDP_PASS;
}

/* The same for a packet to any address: if it is not one of ours, the fate is that. Valid replies skip this lookup,
   because the cookie covers our address. */
static __always_inline int refuse_ip(const struct iphdr *ip, __u32 fate) {
  __be32 destination = ip->daddr;
  const __u8 *use = bpf_map_lookup_elem(&WHITELIST_IPV4, &destination);
  return use ? refuse(*use, fate) : pass(SYNBOX_PASS_NOT_OURS);
}

/* Drops a valid reply to the job in `slot`. */
static __always_inline int drop(__u32 slot, __u32 fate) {
  count(slot, fate);
  return XDP_DROP;
}

static __always_inline int is_our_port(__be16 port) {
  __u16 p = bpf_ntohs(port);
  return p >= settings.port_first && p <= settings.port_last;
}

/*
 * Returns the slot and the probe's IPv4 identification if `number` is the sequence number of the probe with these two
 * blocks under the key of `slot`, or at most `slack` more; else less than 0. See slot_in().
 */
static __always_inline int prove_in(__u32 slot, __u64 first, __u64 last, __u32 number, __u32 slack) {
  const volatile struct synbox_key *key = bpf_map_lookup_elem(&SIPHASH_KEY, &slot);
  if (!key) return -1;
  __u64 active = key->active, k0 = key->k0, k1 = key->k1;
  /* Reject words of two keys: another processor may be changing the slot. */
  if (!active || key->active != active) return -1;
  __u64 hash = siphash_two_blocks(k0, k1, first, last);
  if (number - (__u32)hash > slack) return -1;
  return (int)((__u32)(hash >> 32) & 0xffff) << 8 | slot;
}
static __always_inline __u32 slot_in(int proof) { return proof & 0xff; }
static __always_inline __u16 identification_in(int proof) { return proof >> 8; }

/*
 * Returns the proof of the first slot with this hint that `number` proves, or less than 0. Not inlined, because it has a
 * loop, and the verifier would walk that again for each path that leads to it.
 */
__noinline int search_slots(__u32 hint, __u64 first, __u64 last, __u32 number, __u32 slack) {
  for (__u32 slot = hint & (settings.hints - 1); slot < settings.slots; slot += settings.hints) {
    int found = prove_in(slot, first, last, number, slack);
    if (found >= 0) return found;
  }
  return -1;
}

/*
 * Returns the proof of the slot that `number` proves, or less than 0. The source port says which slots may be proved, so
 * that a forged packet costs few hashes: one if there are as many hints as slots.
 */
static __always_inline int prove(__be32 saddr, __be32 daddr, __be16 sport, __be16 dport, __u32 number, __u32 slack) {
  __u64 first = first_block(saddr, dport), last = last_block(daddr, sport);
  __u32 hint = (bpf_ntohs(sport) - settings.port_first) & (settings.hints - 1);
  if (settings.hints != settings.slots) return search_slots(hint, first, last, number, slack);
  return prove_in(hint, first, last, number, slack);
}

/* The last tick, in jiffies, and its time. Any processor may set them; one that reads them meanwhile gets a time that is a
   tick older at most. */
static volatile __u64 tick, tick_ns;

/*
 * Returns CLOCK_MONOTONIC_COARSE, nanoseconds. It changes with each tick, so ask for it once a tick: the call takes 12 ns,
 * and the verifier replaces that of jiffies by a load.
 */
static __always_inline __u64 coarse_time(void) {
  __u64 now = bpf_jiffies64();
  if (now == tick) return tick_ns;
  __u64 time = bpf_ktime_get_coarse_ns();
  tick_ns = time;
  barrier();
  tick = now;
  return time;
}

/* Reserves an event and fills in the time, the slot, `kind` and the IPv4 fields. Returns NULL if the ring is full. The
   caller fills in the other fields. */
static __always_inline struct synbox_event *reserve(const struct iphdr *ip, __u8 kind, __u32 slot) {
  struct synbox_event *event = bpf_ringbuf_reserve(&EVENTS, sizeof(*event), 0);
  if (!event) return NULL;
  __builtin_memset(event, 0, sizeof(*event));
  event->time_ns = coarse_time();
  event->ipid = ip->id;
  event->ttl = ip->ttl;
  event->kind = kind;
  event->slot = slot;
  return event;
}

/* Copies the TCP options, at most 40 bytes. The caller has checked that they lie inside the IPv4 packet. */
static __always_inline void copy_tcp_options(struct synbox_event *event, const struct tcphdr *tcp,
                                             struct cursor c) {
  __u32 claimed = (tcp->doff - 5) * 4;
  __u32 copied = 0;
#pragma unroll
  for (__u32 word = 0; word < 10; word++) {
    __u32 *from = c.next + word * 4;
    if (claimed < (word + 1) * 4 || (void *)(from + 1) > c.end) break;
    __builtin_memcpy(event->options + word * 4, from, 4);
    copied = (word + 1) * 4;
  }
  event->options_length = copied;
}

static __always_inline void fill_tcp(struct synbox_event *event, const struct iphdr *ip,
                                     const struct tcphdr *tcp, struct cursor c) {
  event->saddr = ip->saddr;
  event->daddr = ip->daddr;
  event->sport = tcp->source;
  event->dport = tcp->dest;
  event->seqnum = tcp->seq;
  event->acknum = tcp->ack_seq;
  event->window = tcp->window;
  event->tcp_flags = tcp_flags(tcp);
  copy_tcp_options(event, tcp, c);
}

static __always_inline int syn_ack(struct cursor c, struct iphdr *ip, struct tcphdr *tcp, __u32 slot) {
  struct synbox_event *event = reserve(ip, SYNBOX_SYN_ACK, slot);
  /* No RST either: the target retransmits its SYN-ACK, so the result is not lost. */
  if (!event) return drop(slot, SYNBOX_OPEN_RING_FULL);
  fill_tcp(event, ip, tcp, c);
  event->rst_wanted = settings.wants_rst;
  bpf_ringbuf_submit(event, 0);
  return drop(slot, SYNBOX_OPEN);
}

static __always_inline int reset(struct cursor c, struct iphdr *ip, struct tcphdr *tcp, __u32 slot) {
  if (!settings.report_closed) return drop(slot, SYNBOX_CLOSED_UNREPORTED);
  struct synbox_event *event = reserve(ip, SYNBOX_RST, slot);
  if (!event) return drop(slot, SYNBOX_CLOSED_RING_FULL);
  fill_tcp(event, ip, tcp, c);
  bpf_ringbuf_submit(event, 0);
  return drop(slot, SYNBOX_CLOSED);
}

static __always_inline int tcp_packet(struct xdp_md *context, struct cursor c, struct iphdr *ip) {
  struct tcphdr *tcp = parse_tcp(&c);
  if (!tcp || tcp->doff * 4 > ipv4_payload(ip)) return refuse_ip(ip, SYNBOX_PASS_MALFORMED);
  if (!is_our_port(tcp->dest)) return refuse_ip(ip, SYNBOX_PASS_OTHER_PORT);
  /* Reject FIN with SYN or RST, and SYN with RST: no TCP replies like that. Ignore the other flags. */
  __u8 flags = tcp_flags(tcp) & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK);
  int is_syn_ack = flags == (TCP_SYN | TCP_ACK);
  if (!is_syn_ack && flags != (TCP_RST | TCP_ACK)) return refuse_ip(ip, SYNBOX_PASS_NOT_REPLY);
  /* Some stacks acknowledge the SYN in their RST and some do not, so an RST may carry seq or seq + 1. */
  __u32 number = bpf_ntohl(tcp->ack_seq) - is_syn_ack;
  int proof = prove(ip->daddr, ip->saddr, tcp->dest, tcp->source, number, !is_syn_ack);
  if (proof < 0) return refuse_ip(ip, SYNBOX_PASS_BAD_COOKIE);
  if (bpf_ntohs(ip->tot_len) > SYNBOX_LONGEST_REPLY) return refuse_ip(ip, SYNBOX_PASS_MALFORMED);
  if (!ipv4_checksum_ok(context, ip) || !tcp_checksum_ok(context, c, ip, tcp, settings.partial_checksums)) {
    return refuse_ip(ip, SYNBOX_PASS_BAD_CHECKSUM);
  }
  __u32 slot = slot_in(proof);
  return is_syn_ack ? syn_ack(c, ip, tcp, slot) : reset(c, ip, tcp, slot);
}

/* Returns whether an ICMP type is an error: destination unreachable, source quench, time exceeded or parameter
   problem (RFC 792). */
static __always_inline int is_error(__u8 type) {
  return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH || type == ICMP_TIME_EXCEEDED ||
         type == ICMP_PARAMETERPROB;
}

/* An ICMP error quotes at least the IPv4 header and the next eight bytes: both ports and the sequence number. */
static __always_inline int icmp_packet(struct xdp_md *context, struct cursor c, struct iphdr *ip) {
  /* The cookie covers the quoted source address, not the address that this error was sent to. */
  __be32 destination = ip->daddr;
  const __u8 *found = bpf_map_lookup_elem(&WHITELIST_IPV4, &destination);
  if (!found) return pass(SYNBOX_PASS_NOT_OURS);
  __u8 use = *found;
  struct icmphdr *icmp = c.next;
  if ((void *)(icmp + 1) > c.end || ipv4_payload(ip) < sizeof(*icmp)) {
    return refuse(use, SYNBOX_PASS_MALFORMED);
  }
  if (!is_error(icmp->type)) return refuse(use, SYNBOX_PASS_OTHER_PROTOCOL);
  c.next = icmp + 1;
  /* Its total length is the probe's; the quotation may be shorter. */
  struct iphdr *quoted = parse_ipv4(&c);
  if (!quoted || ipv4_payload(ip) < sizeof(*icmp) + quoted->ihl * 4) return refuse(use, SYNBOX_PASS_MALFORMED);
  if (quoted->protocol != IPPROTO_TCP) return refuse(use, SYNBOX_PASS_OTHER_PROTOCOL);
  struct {
    __be16 source;
    __be16 dest;
    __be32 seq;
  } *probe = c.next;
  __u32 needed = sizeof(*icmp) + quoted->ihl * 4 + sizeof(*probe);
  if ((void *)(probe + 1) > c.end || ipv4_payload(ip) < needed) return refuse(use, SYNBOX_PASS_MALFORMED);
  if (!is_our_port(probe->source)) return refuse(use, SYNBOX_PASS_OTHER_PORT);
  /* quoted->saddr needs no lookup: no other address gives our cookie. */
  int proof = prove(quoted->saddr, quoted->daddr, probe->source, probe->dest, bpf_ntohl(probe->seq), 0);
  if (proof < 0) return refuse(use, SYNBOX_PASS_BAD_COOKIE);
  if (bpf_ntohs(quoted->id) != identification_in(proof)) return refuse(use, SYNBOX_PASS_BAD_IDENTIFICATION);
  if (bpf_ntohs(ip->tot_len) > SYNBOX_LONGEST_REPLY) return refuse(use, SYNBOX_PASS_MALFORMED);
  if (!ipv4_checksum_ok(context, ip) || !icmp_checksum_ok(context, ip, icmp)) {
    return refuse(use, SYNBOX_PASS_BAD_CHECKSUM);
  }

  __u32 slot = slot_in(proof);
  if (!settings.report_icmp) return drop(slot, SYNBOX_ICMP_UNREPORTED);
  struct synbox_event *event = reserve(ip, SYNBOX_ICMP, slot);
  if (!event) return drop(slot, SYNBOX_ICMP_RING_FULL);
  event->saddr = quoted->daddr;
  event->daddr = quoted->saddr;
  event->sport = probe->dest;
  event->dport = probe->source;
  event->icmp_type = icmp->type;
  event->icmp_code = icmp->code;
  event->icmp_responder = ip->saddr;
  bpf_ringbuf_submit(event, 0);
  return drop(slot, SYNBOX_ICMP_VALID);
}

SEC("xdp")
int receive(struct xdp_md *context) {
  /* The generator is run through this program because this one is attached, and therefore already in the
     kernel's XDP dispatcher. Running an unattached program adds and removes it each time, and waits for RCU. */
  if (settings.generator && context->ingress_ifindex == SYNBOX_LOOPBACK) {
    bpf_tail_call(context, &GENERATOR, 0);
    return XDP_DROP;
  }
  struct cursor c = cursor_of(context);
  __be16 ether_type;
  if (!parse_ethernet(&c, &ether_type)) return pass(SYNBOX_PASS_MALFORMED);
  if (ether_type != bpf_htons(ETH_P_IP)) return pass(SYNBOX_PASS_NOT_IPV4);
  struct iphdr *ip = parse_ipv4(&c);
  if (!ip || !ipv4_is_whole(ip, c)) return pass(SYNBOX_PASS_MALFORMED);
  if (ip->frag_off & bpf_htons(IPV4_FRAGMENT_BITS)) return refuse_ip(ip, SYNBOX_PASS_FRAGMENT);
  if (ip->protocol == IPPROTO_TCP) return tcp_packet(context, c, ip);
  if (ip->protocol == IPPROTO_ICMP) return icmp_packet(context, c, ip);
  return refuse_ip(ip, SYNBOX_PASS_OTHER_PROTOCOL);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
