// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The receive program: is it a reply to one of our probes? Then an event, and the packet goes straight
 * back as RST. Everything else is passed on untouched. Every packet is counted under one fate.
 */
#include "cookie.h"
#include "parse.h"
#include "verify.h"

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, SYNBOX_STATS);
  __type(key, __u32);
  __type(value, __u64);
} STATS SEC(".maps");

/* Our source addresses, big-endian; the value carries nothing. Sized by the loader. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 65536);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __be32);
  __type(value, __u8);
} WHITELIST_IPV4 SEC(".maps");

/* Sized by the loader. */
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1 << 22);
} EVENTS SEC(".maps");

/* Mapped into the scanner, which sets it anew for each job without a system call. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct synbox_key);
} SIPHASH_KEY SEC(".maps");

/* The program that turns frames of the kernel's own making into probes (probes.bpf.c), if there is one. */
struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} GENERATOR SEC(".maps");

/* const volatile: the verifier knows the values at load and drops the branches that cannot be taken. */
const volatile struct synbox_settings settings = {
    .port_first = 32768, .port_last = 61000, .rst = SYNBOX_RST_IN_PLACE};

/* Bytes of the Ethernet, IPv4 and TCP headers without tags and options. */
#define PLAIN_HEADERS (ETH_HLEN + sizeof(struct iphdr) + sizeof(struct tcphdr))

static __always_inline void count(__u32 stat) {
  __u64 *counter = bpf_map_lookup_elem(&STATS, &stat);
  if (counter) *counter += 1;
}

static __always_inline int pass(__u32 fate) {
  count(fate);
  return XDP_PASS;
}

/* The fate of a packet that is no reply: foreign, unless its destination is one of our addresses. A valid
   cookie needs no such question, for our address is part of what it proves. */
static __always_inline int pass_ip(const struct iphdr *ip, __u32 fate) {
  __be32 destination = ip->daddr;
  return pass(bpf_map_lookup_elem(&WHITELIST_IPV4, &destination) ? fate : SYNBOX_PASS_NOT_OURS);
}

static __always_inline int drop(__u32 fate) {
  count(fate);
  return XDP_DROP;
}

static __always_inline int is_our_port(__be16 port) {
  __u16 p = bpf_ntohs(port);
  return p >= settings.port_first && p <= settings.port_last;
}

/* An event with all that IPv4 and `kind` say, or NULL when the ring is full. The caller fills the rest. */
static __always_inline struct synbox_event *reserve(const struct iphdr *ip, __u8 kind) {
  struct synbox_event *event = bpf_ringbuf_reserve(&EVENTS, sizeof(*event), 0);
  if (!event) return NULL;
  __builtin_memset(event, 0, sizeof(*event));
  event->time_ns = bpf_ktime_get_coarse_ns();
  event->ipid = ip->id;
  event->ttl = ip->ttl;
  event->kind = kind;
  return event;
}

/* Copies the TCP options, at most 40 bytes; the caller has checked that they lie inside the packet. */
static __always_inline void read_tcp_options(struct synbox_event *event, const struct tcphdr *tcp,
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
  read_tcp_options(event, tcp, c);
}

/*
 * The RST for a SYN-ACK: our sequence number is what the peer acknowledged (RFC 9293, 3.10.7.4).
 * An IPv4 header with options, or a VLAN tag that offload may have to add again, is no reason to lose
 * it: turn_round needs the plain shape only, and the caller leaves other shapes to the transmitter.
 */
static __always_inline int send_rst(struct xdp_md *context, struct ethhdr *ethernet, struct iphdr *ip,
                                    struct tcphdr *tcp) {
  turn_round(ethernet, ip, tcp, tcp->ack_seq, 0, TCP_RST, 0);
  count(SYNBOX_RST_SENT);
  /* Nothing of the target's own data goes back: what pads the frame to the Ethernet minimum is cleared,
     the rest cut. Behind two VLAN tags the headers alone are longer than the minimum. */
  __u8 *padding = (void *)(tcp + 1);
#pragma unroll
  for (int byte = 0; byte < (int)(ETH_ZLEN - PLAIN_HEADERS); byte++) {
    if ((void *)(padding + byte + 1) > (void *)(long)context->data_end) break;
    padding[byte] = 0;
  }
  long kept = (long)(tcp + 1) - (long)context->data;
  if (kept < ETH_ZLEN) kept = ETH_ZLEN;
  long surplus = (long)context->data_end - (long)context->data - kept;
  if (surplus > 0) bpf_xdp_adjust_tail(context, -surplus);
  return XDP_TX;
}

static __always_inline int syn_ack(struct xdp_md *context, struct cursor c, struct ethhdr *ethernet,
                                   struct iphdr *ip, struct tcphdr *tcp) {
  struct synbox_event *event = reserve(ip, SYNBOX_SYN_ACK);
  /* No RST either: the target's own TCP sends its SYN-ACK again, and nothing is lost. */
  if (!event) return drop(SYNBOX_OPEN_RING_FULL);
  fill_tcp(event, ip, tcp, c);
  int in_place = settings.rst == SYNBOX_RST_IN_PLACE && ip->ihl == 5;
  event->rst_wanted = settings.rst != SYNBOX_RST_NONE && !in_place;
  bpf_ringbuf_submit(event, 0);
  count(SYNBOX_OPEN);
  return in_place ? send_rst(context, ethernet, ip, tcp) : XDP_DROP;
}

static __always_inline int reset(struct cursor c, struct iphdr *ip, struct tcphdr *tcp) {
  if (!settings.report_closed) return drop(SYNBOX_CLOSED_UNREPORTED);
  struct synbox_event *event = reserve(ip, SYNBOX_RST);
  if (!event) return drop(SYNBOX_CLOSED_RING_FULL);
  fill_tcp(event, ip, tcp, c);
  bpf_ringbuf_submit(event, 0);
  return drop(SYNBOX_CLOSED);
}

static __always_inline int tcp_packet(struct xdp_md *context, struct cursor c, struct ethhdr *ethernet,
                                      struct iphdr *ip, const struct synbox_key *key) {
  struct tcphdr *tcp = parse_tcp(&c);
  if (!tcp || tcp->doff * 4 > ipv4_payload(ip)) return pass_ip(ip, SYNBOX_PASS_MALFORMED);
  if (!is_our_port(tcp->dest)) return pass_ip(ip, SYNBOX_PASS_OTHER_PORT);
  /* FIN beside SYN or RST, or both of these: no TCP answers so. Other bits say nothing about the port. */
  __u8 flags = tcp_flags(tcp) & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK);
  int is_syn_ack = flags == (TCP_SYN | TCP_ACK);
  if (!is_syn_ack && flags != (TCP_RST | TCP_ACK)) return pass_ip(ip, SYNBOX_PASS_NOT_REPLY);
  __u32 expected = cookie(key, ip->daddr, ip->saddr, tcp->dest, tcp->source);
  __u32 ahead = bpf_ntohl(tcp->ack_seq) - expected;
  /* Some stacks acknowledge the SYN in their RST, some do not: seq and seq + 1 both prove it. */
  if (ahead != 1 && (is_syn_ack || ahead != 0)) return pass_ip(ip, SYNBOX_PASS_BAD_COOKIE);
  if (bpf_ntohs(ip->tot_len) > SYNBOX_LONGEST_REPLY) return pass(SYNBOX_PASS_MALFORMED);
  if (!ipv4_is_sound(context, ip) || !tcp_is_sound(context, c, ip, tcp, settings.partial_checksums)) {
    return pass(SYNBOX_PASS_BAD_CHECKSUM);
  }
  return is_syn_ack ? syn_ack(context, c, ethernet, ip, tcp) : reset(c, ip, tcp);
}

/* Destination unreachable, source quench, time exceeded, parameter problem (RFC 792). */
static __always_inline int is_error(__u8 type) {
  return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH || type == ICMP_TIME_EXCEEDED ||
         type == ICMP_PARAMETERPROB;
}

/* An error quotes at least the IPv4 header and eight bytes: both ports and the sequence number. */
static __always_inline int icmp_packet(struct xdp_md *context, struct cursor c, struct iphdr *ip,
                                       const struct synbox_key *key) {
  /* The cookie proves the quoted source address, not the one this error was sent to. */
  __be32 destination = ip->daddr;
  if (!bpf_map_lookup_elem(&WHITELIST_IPV4, &destination)) return pass(SYNBOX_PASS_NOT_OURS);
  struct icmphdr *icmp = c.next;
  if ((void *)(icmp + 1) > c.end || ipv4_payload(ip) < sizeof(*icmp)) {
    return pass(SYNBOX_PASS_MALFORMED);
  }
  if (!is_error(icmp->type)) return pass(SYNBOX_PASS_OTHER_PROTOCOL);
  c.next = icmp + 1;
  /* Its total length is the probe's, most of which may have been left out. */
  struct iphdr *quoted = parse_ipv4(&c);
  if (!quoted || ipv4_payload(ip) < sizeof(*icmp) + quoted->ihl * 4) return pass(SYNBOX_PASS_MALFORMED);
  if (quoted->protocol != IPPROTO_TCP) return pass(SYNBOX_PASS_OTHER_PROTOCOL);
  struct {
    __be16 source;
    __be16 dest;
    __be32 seq;
  } *probe = c.next;
  __u32 needed = sizeof(*icmp) + quoted->ihl * 4 + sizeof(*probe);
  if ((void *)(probe + 1) > c.end || ipv4_payload(ip) < needed) return pass(SYNBOX_PASS_MALFORMED);
  if (!is_our_port(probe->source)) return pass(SYNBOX_PASS_OTHER_PORT);
  /* No need to look quoted->saddr up: a foreign one does not give our cookie. */
  __u32 expected = cookie(key, quoted->saddr, quoted->daddr, probe->source, probe->dest);
  if (bpf_ntohl(probe->seq) != expected) return pass(SYNBOX_PASS_BAD_COOKIE);
  if (bpf_ntohs(ip->tot_len) > SYNBOX_LONGEST_REPLY) return pass(SYNBOX_PASS_MALFORMED);
  if (!ipv4_is_sound(context, ip) || !icmp_is_sound(context, ip, icmp)) {
    return pass(SYNBOX_PASS_BAD_CHECKSUM);
  }

  if (!settings.report_icmp) return drop(SYNBOX_ICMP_UNREPORTED);
  struct synbox_event *event = reserve(ip, SYNBOX_ICMP);
  if (!event) return drop(SYNBOX_ICMP_RING_FULL);
  event->saddr = quoted->daddr;
  event->daddr = quoted->saddr;
  event->sport = probe->dest;
  event->dport = probe->source;
  event->icmp_type = icmp->type;
  event->icmp_code = icmp->code;
  event->icmp_responder = ip->saddr;
  bpf_ringbuf_submit(event, 0);
  return drop(SYNBOX_ICMP_VALID);
}

SEC("xdp")
int receive(struct xdp_md *context) {
  /* The generator runs through this program because this one is attached: the kernel then has it in its
     XDP dispatcher already, and a run need not wait for RCU to put it there and take it out again. */
  if (settings.generator && context->ingress_ifindex == SYNBOX_LOOPBACK) {
    bpf_tail_call(context, &GENERATOR, 0);
    return XDP_DROP;
  }
  struct cursor c = cursor_of(context);
  __be16 ether_type;
  struct ethhdr *ethernet = parse_ethernet(&c, &ether_type);
  if (!ethernet) return pass(SYNBOX_PASS_MALFORMED);
  if (ether_type != bpf_htons(ETH_P_IP)) return pass(SYNBOX_PASS_NOT_IPV4);
  struct iphdr *ip = parse_ipv4(&c);
  if (!ip || !ipv4_is_whole(ip, c)) return pass(SYNBOX_PASS_MALFORMED);
  if (ip->frag_off & bpf_htons(IPV4_FRAGMENT_BITS)) return pass_ip(ip, SYNBOX_PASS_FRAGMENT);
  __u32 zero = 0;
  const struct synbox_key *key = bpf_map_lookup_elem(&SIPHASH_KEY, &zero);
  if (!key) return pass(SYNBOX_PASS_NOT_OURS);
  if (ip->protocol == IPPROTO_TCP) return tcp_packet(context, c, ethernet, ip, key);
  if (ip->protocol == IPPROTO_ICMP) return icmp_packet(context, c, ip, key);
  return pass_ip(ip, SYNBOX_PASS_OTHER_PROTOCOL);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
