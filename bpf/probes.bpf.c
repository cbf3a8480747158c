// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The generator: builds probes inside the kernel. BPF_PROG_TEST_RUN with BPF_F_TEST_XDP_LIVE_FRAMES
 * (Documentation/bpf/bpf_prog_run.rst) allocates frames and runs `probes` on each. The program writes the next entry of
 * its processor's ring into the frame and redirects it to the NIC. `settle` learns from a tracepoint how many frames of
 * each bulk the driver took.
 */
#include "synbox.h"

#include "parse.h"

#include <bpf/bpf_core_read.h>

/* For each source address the template of its SYN, then that of its RST. The loader sets max_entries. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct synbox_template);
} TEMPLATES SEC(".maps");

/* The first eight bytes of a frame, in memory order: the next hop's MAC address and two bytes of ours. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} NEXT_HOPS SEC(".maps");

/* Mapped by the scanner. The loader sets max_entries. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct synbox_sender);
} SENDERS SEC(".maps");

/* For each processor one more than the index of its sender, or 0. Mapped by the scanner. */
__u8 ring_of[SYNBOX_PROCESSORS];

/* const volatile, so that the verifier knows the values at load. */
const volatile struct synbox_generator_settings settings = {};

/* Offsets of a probe's variable fields from the start of the frame, in bytes. */
enum {
  AT_IDENTIFICATION = ETH_HLEN + offsetof(struct iphdr, id),
  AT_IPV4_CHECK = ETH_HLEN + offsetof(struct iphdr, check),
  AT_DADDR = ETH_HLEN + offsetof(struct iphdr, daddr),
  AT_TCP = ETH_HLEN + sizeof(struct iphdr),
  AT_SOURCE = AT_TCP + offsetof(struct tcphdr, source),
  AT_TCP_CHECK = AT_TCP + offsetof(struct tcphdr, check),
};
/* Bytes: Ethernet, IPv4 and TCP with 40 bytes of options, rounded up to a multiple of 8. */
#define LONGEST_FRAME 96
/* Accesses a field as one word, aligned or not: for a packed structure the compiler would access single bytes. */
#define FIELD(type, frame, at) (*(type *)((void *)(frame) + (at)))

/* Returns NULL if this processor has no sender. */
static __always_inline struct synbox_sender *sender_here(void) {
  __u32 number = (__u32)ring_of[bpf_get_smp_processor_id() & (SYNBOX_PROCESSORS - 1)] - 1;
  return bpf_map_lookup_elem(&SENDERS, &number);
}

static __always_inline struct synbox_entry *entry_at(struct synbox_sender *sender, __u64 position) {
  return &sender->entries[position & (SYNBOX_RING_ENTRIES - 1)];
}

/* Copies what a template has beyond the shortest frame. Option lengths are multiples of two. */
static __always_inline void copy_tail(const struct synbox_template *template, void *data, void *end) {
#pragma unroll
  for (__u32 at = ETH_ZLEN; at < LONGEST_FRAME; at += 2) {
    if (data + at + 2 > end) break;
    FIELD(__u16, data, at) = FIELD(const __u16, template, at);
  }
}

/* Copies the first ETH_ZLEN bytes of a template. The caller has checked that they lie inside the packet. */
static __always_inline void copy_frame(void *frame, const void *template) {
#pragma unroll
  for (__u32 at = 0; at + 8 <= ETH_ZLEN; at += 8) FIELD(__u64, frame, at) = FIELD(const __u64, template, at);
  FIELD(__u32, frame, ETH_ZLEN - 4) = FIELD(const __u32, template, ETH_ZLEN - 4);
}

static __always_inline const struct synbox_template *template_of(const struct synbox_entry *entry) {
  __u32 index = (__u32)entry->source * 2 + !!(entry->way & SYNBOX_WAY_RST);
  return bpf_map_lookup_elem(&TEMPLATES, &index);
}

/* Sets the destination MAC address. Templates are addressed to the gateway. */
static __always_inline int set_next_hop(void *frame, const struct synbox_entry *entry) {
  __u32 hop = entry->way & SYNBOX_WAY_HOP;
  if (hop == 0) return 0;
  const __u64 *word = bpf_map_lookup_elem(&NEXT_HOPS, &hop);
  if (!word) return -1;
  FIELD(__u64, frame, 0) = *word;
  return 0;
}

/* Writes the fields that differ from frame to frame. */
static __always_inline void stamp(void *frame, const struct synbox_entry *entry) {
  FIELD(__be16, frame, AT_IDENTIFICATION) = entry->identification;
  FIELD(__u16, frame, AT_IPV4_CHECK) = entry->ipv4_check;
  FIELD(__be32, frame, AT_DADDR) = entry->destination;
  FIELD(__u64, frame, AT_SOURCE) = entry->ports_and_sequence;
  FIELD(__u16, frame, AT_TCP_CHECK) = entry->tcp_check;
}

/* Counts an RST, and shortens its frame, which the kernel allocated with a probe's length. */
static __noinline int finish_reset(struct xdp_md *context, struct synbox_ring *ring) {
  if (!ring) return -1;
  ring->resets += 1;
  int excess = (int)(context->data_end - context->data) - ETH_ZLEN;
  return excess > 0 ? bpf_xdp_adjust_tail(context, -excess) : 0;
}

/* Writes the frame of an entry. */
static __always_inline int write(struct xdp_md *context, struct synbox_ring *ring, const struct synbox_entry *entry) {
  const struct synbox_template *template = template_of(entry);
  void *data = (void *)(long)context->data, *end = (void *)(long)context->data_end;
  if (!template || data + ETH_ZLEN > end) return -1;
  copy_frame(data, template);
  if (set_next_hop(data, entry) < 0) return -1;
  stamp(data, entry);
  if (entry->way & SYNBOX_WAY_RST) return finish_reset(context, ring);
  if (data + ETH_ZLEN < end) copy_tail(template, data, end);
  return 0;
}

/* The kernel's own structures; their offsets are corrected when the program is loaded. */
struct xdp_buff {
  void *data_hard_start;
} __attribute__((preserve_access_index));
struct xdp_frame {
  __u32 len;
} __attribute__((preserve_access_index));
extern int LINUX_KERNEL_VERSION __kconfig;
void *bpf_cast_to_kern_ctx(void *context) __ksym __weak;
void *bpf_rdonly_cast(const void *object, __u32 type) __ksym __weak;

/* Returns whether the kernel's record of the frame's length is the packet's. Kernels before 6.3 keep it elsewhere. */
static __always_inline int length_is_right(struct xdp_md *context) {
  if (LINUX_KERNEL_VERSION < KERNEL_VERSION(6, 3, 0)) return 0;
  const struct xdp_buff *buffer = bpf_cast_to_kern_ctx(context);
  const struct xdp_frame *frame = bpf_rdonly_cast(buffer->data_hard_start, bpf_core_type_id_kernel(struct xdp_frame));
  return frame->len == context->data_end - context->data;
}

/*
 * Makes the kernel set the frame's length anew if it is wrong. The kernel allocates each page of frames once a run and
 * uses it again when it comes back. On a virtual link the neighbour gets the page itself; if its XDP program shortens the
 * packet and returns it, the kernel's record of the length, which lies before the packet, stays short, and the next probe
 * in the page would leave cut off. The kernel renews the record if a bound of the packet has changed (net/bpf/test_run.c,
 * ctx_was_changed), so change the cheapest: the start of metadata, which no one reads.
 */
static __always_inline int restore_length(struct xdp_md *context) {
  if (!settings.restore_lengths || length_is_right(context)) return 0;
  return bpf_xdp_adjust_meta(context, -(int)sizeof(__u32));
}

SEC("xdp")
int probes(struct xdp_md *context) {
  /* If no receive program is attached, this one is, to be in the kernel's XDP dispatcher; then it sees received
     packets, too. */
  if (context->ingress_ifindex != SYNBOX_LOOPBACK) return XDP_PASS;
  struct synbox_sender *sender = sender_here();
  if (!sender) return XDP_DROP;
  struct synbox_ring *ring = &sender->ring;
  /* Nothing to send. The scanner never requests more frames than it has entries, but its thread may have been
     moved to another processor, which has another ring. */
  if (ring->built >= ring->end) return XDP_DROP;
  const struct synbox_entry *entry = entry_at(sender, ring->built);
  if (write(context, ring, entry) < 0 || restore_length(context) < 0) return XDP_ABORTED;
  ring->built += 1;
  return bpf_redirect(settings.interface, 0);
}

/*
 * The upper bound for `probes`, for benchmarks: the same path through the kernel with one constant frame, without
 * cookie or entries. It writes the frame each time, because the kernel recycles pages as the peer left them. Loaded
 * instead of `probes`.
 */
SEC("?xdp")
int flood(struct xdp_md *context) {
  if (context->ingress_ifindex != SYNBOX_LOOPBACK) return XDP_PASS;
  struct synbox_sender *sender = sender_here();
  __u32 first = 0;
  const struct synbox_template *template = bpf_map_lookup_elem(&TEMPLATES, &first);
  void *data = (void *)(long)context->data, *end = (void *)(long)context->data_end;
  if (!sender || !template || data + ETH_ZLEN > end) return XDP_DROP;
  copy_frame(data, template);
  sender->ring.built += 1;
  return bpf_redirect(settings.interface, 0);
}

struct net_device {
  int ifindex;
} __attribute__((preserve_access_index));

/*
 * Called for each bulk of at most 16 frames, in the order in which they were built, on their processor: the driver
 * took the first `sent` frames, and the kernel freed the other `drops` (kernel/bpf/devmap.c, bq_xmit_all). Bulks of
 * other programs find nothing outstanding here, because nothing else runs in this processor's softirq context
 * between building a frame and sending its bulk.
 */
SEC("tp_btf/xdp_devmap_xmit")
int settle(__u64 *arguments) {
  const struct net_device *to = (const struct net_device *)arguments[1];
  __u32 sent = (__u32)arguments[2], drops = (__u32)arguments[3];
  int error = (int)arguments[4];
  struct synbox_sender *sender = sender_here();
  if (!sender) return 0;
  struct synbox_ring *ring = &sender->ring;
  if (to->ifindex != (int)settings.interface) return 0;
  __u64 outstanding = ring->built - ring->settled;
  if ((__u64)sent + drops > outstanding) return 0;
  for (__u32 drop = 0; drop < drops && drop < 64; drop++) {
    entry_at(sender, ring->settled + sent + drop)->way |= SYNBOX_WAY_REFUSED;
  }
  if (error < 0) ring->error = -error;
  ring->refused += drops;
  ring->settled += sent + drops;
  return 0;
}

/* Called for a frame that never reaches a bulk, because the interface is down or the frame too long. It is never
   settled. */
SEC("tp_btf/xdp_redirect_err")
int redirect_error(__u64 *arguments) {
  int error = (int)arguments[3];
  struct synbox_sender *sender = sender_here();
  if (error >= 0 || !sender) return 0;
  struct synbox_ring *ring = &sender->ring;
  if (ring->built != ring->settled) ring->error = -error;
  return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
