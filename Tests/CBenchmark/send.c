#define _GNU_SOURCE
#include "CBenchmark.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LENGTH = 60, SLOT = 128, BATCH_MAX = 1024, RING_SLOT = 256, RING_SLOTS = 4096 };

struct frame {
  unsigned char bytes[LENGTH];
  /* Checksums of the headers, with the lower half of the destination address zero. */
  unsigned ipv4_sum, tcp_sum;
};

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static unsigned sum(const unsigned char *bytes, int count) {
  unsigned total = 0;
  for (int i = 0; i < count; i += 2) total += bytes[i] << 8 | bytes[i + 1];
  return total;
}

static unsigned short checksum(unsigned total) {
  total = (total & 0xffff) + (total >> 16);
  total = (total & 0xffff) + (total >> 16);
  return htons((unsigned short)~total);
}

static void put_address(unsigned char *at, unsigned long long address) {
  for (int i = 0; i < 6; i++) at[i] = (unsigned char)(address >> (40 - 8 * i));
}

/* Ethernet; IPv4 from 198.18.0.1 to 198.19.0.0; TCP from 40000 to 80, SYN, MSS 1460; padding. */
static struct frame template(unsigned long long from, unsigned long long to) {
  static const unsigned char headers[] = {
      0x08, 0,    0x45, 0,    0, 44, 0, 0, 0, 0, 255, 6, 0,    0, 198,  18,   0, 1, 198, 19, 0,    0,
      0x9c, 0x40, 0,    80,   1, 2,  3, 4, 0, 0, 0,   0, 0x60, 2, 0xff, 0xff, 0, 0, 0,   0,  2,    4,
      0x05, 0xb4};
  struct frame frame = {0};
  put_address(frame.bytes, to);
  put_address(frame.bytes + 6, from);
  memcpy(frame.bytes + 12, headers, sizeof headers);
  frame.ipv4_sum = sum(frame.bytes + 14, 20);
  frame.tcp_sum = sum(frame.bytes + 26, 8) + IPPROTO_TCP + 24 + sum(frame.bytes + 34, 24);
  return frame;
}

static void stamp(unsigned char *at, const struct frame *frame, unsigned long long number) {
  unsigned short host = (unsigned short)number;
  unsigned short fields[] = {htons(host), checksum(frame->ipv4_sum + host),
                             checksum(frame->tcp_sum + host)};
  memcpy(at + 32, &fields[0], 2);
  memcpy(at + 24, &fields[1], 2);
  memcpy(at + 50, &fields[2], 2);
}

static int is_busy(void) {
  return errno == ENOBUFS || errno == EAGAIN || errno == EINTR || errno == EBUSY;
}

static int send_messages(int descriptor, const struct frame *frame, unsigned batch,
                         unsigned long long frames) {
  static unsigned char bytes[BATCH_MAX][SLOT];
  struct iovec vectors[BATCH_MAX];
  struct mmsghdr messages[BATCH_MAX];
  memset(messages, 0, sizeof messages);
  for (unsigned i = 0; i < batch; i++) {
    memcpy(bytes[i], frame->bytes, LENGTH);
    vectors[i] = (struct iovec){bytes[i], LENGTH};
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  for (unsigned long long sent = 0; sent < frames;) {
    unsigned count = frames - sent < batch ? (unsigned)(frames - sent) : batch;
    for (unsigned i = 0; i < count; i++) stamp(bytes[i], frame, sent + i);
    int sent_now = sendmmsg(descriptor, messages, count, MSG_DONTWAIT);
    if (sent_now < 0 && !is_busy()) return -errno;
    if (sent_now > 0) sent += (unsigned)sent_now;
  }
  return 0;
}

struct ring {
  unsigned char *memory;
  int version;
  /* Bytes from the start of a slot to the frame. */
  unsigned offset;
  /* Bytes of the virtio header before the frame, or 0. */
  unsigned prefix;
};

static unsigned *status(const struct ring *ring, unsigned slot) {
  unsigned char *at = ring->memory + slot * RING_SLOT;
  return ring->version == TPACKET_V3 ? &((struct tpacket3_hdr *)at)->tp_status
                                     : &((struct tpacket2_hdr *)at)->tp_status;
}

static int map_ring(int descriptor, enum cbenchmark_way way, struct ring *ring) {
  int is_v3 = way == CBENCHMARK_RING_V3, one = 1;
  ring->version = is_v3 ? TPACKET_V3 : TPACKET_V2;
  ring->offset = (is_v3 ? TPACKET3_HDRLEN : TPACKET2_HDRLEN) - sizeof(struct sockaddr_ll);
  ring->prefix = way == CBENCHMARK_RING_V2_COPIED ? sizeof(struct virtio_net_hdr) : 0;
  if (setsockopt(descriptor, SOL_PACKET, PACKET_VERSION, &ring->version, sizeof ring->version)) return -errno;
  if (ring->prefix && setsockopt(descriptor, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one)) return -errno;
  struct tpacket_req3 request = {.tp_block_size = 1 << 17,
                                 .tp_block_nr = RING_SLOT * RING_SLOTS >> 17,
                                 .tp_frame_size = RING_SLOT,
                                 .tp_frame_nr = RING_SLOTS};
  if (setsockopt(descriptor, SOL_PACKET, PACKET_TX_RING, &request,
                 is_v3 ? sizeof request : sizeof(struct tpacket_req)))
    return -errno;
  ring->memory = mmap(NULL, RING_SLOT * RING_SLOTS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                      descriptor, 0);
  return ring->memory == MAP_FAILED ? -errno : 0;
}

static void fill_slot(const struct ring *ring, unsigned slot, const struct frame *frame) {
  unsigned char *at = ring->memory + slot * RING_SLOT;
  unsigned length = LENGTH + ring->prefix;
  if (ring->version == TPACKET_V3) {
    *(struct tpacket3_hdr *)at = (struct tpacket3_hdr){.tp_len = length, .tp_snaplen = length};
  } else {
    *(struct tpacket2_hdr *)at = (struct tpacket2_hdr){.tp_len = length, .tp_snaplen = length};
  }
  if (ring->prefix) *(struct virtio_net_hdr *)(at + ring->offset) = (struct virtio_net_hdr){.hdr_len = LENGTH};
  memcpy(at + ring->offset + ring->prefix, frame->bytes, LENGTH);
}

static int send_ring(int descriptor, enum cbenchmark_way way, const struct frame *frame, unsigned batch,
                     unsigned long long frames) {
  struct ring ring;
  int error = map_ring(descriptor, way, &ring);
  if (error) return error;
  for (unsigned slot = 0; slot < RING_SLOTS; slot++) fill_slot(&ring, slot, frame);
  unsigned slot = 0;
  for (unsigned long long queued = 0; queued < frames && !error;) {
    for (unsigned i = 0; i < batch && queued < frames; i++, queued++) {
      if (__atomic_load_n(status(&ring, slot), __ATOMIC_ACQUIRE) != TP_STATUS_AVAILABLE) break;
      stamp(ring.memory + slot * RING_SLOT + ring.offset + ring.prefix, frame, queued);
      __atomic_store_n(status(&ring, slot), TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
      slot = (slot + 1) % RING_SLOTS;
    }
    if (send(descriptor, NULL, 0, MSG_DONTWAIT) < 0 && !is_busy()) error = -errno;
  }
  for (slot = 0; slot < RING_SLOTS && !error;) {
    if (__atomic_load_n(status(&ring, slot), __ATOMIC_ACQUIRE) == TP_STATUS_AVAILABLE) {
      slot++;
    } else if (send(descriptor, NULL, 0, MSG_DONTWAIT) < 0 && !is_busy()) {
      error = -errno;
    }
  }
  munmap(ring.memory, RING_SLOT * RING_SLOTS);
  return error;
}

long long cbenchmark_send(enum cbenchmark_way way, int interface, unsigned long long from,
                          unsigned long long to, unsigned batch, unsigned long long frames) {
  if (batch < 1 || batch > BATCH_MAX) return -EINVAL;
  struct frame frame = template(from, to);
  int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), one = 1, room = 1 << 24;
  if (descriptor < 0) return -errno;
  struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = interface};
  long long result = 0;
  if (bind(descriptor, (struct sockaddr *)&address, sizeof address) ||
      setsockopt(descriptor, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one) ||
      setsockopt(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room))
    result = -errno;
  long long start = now();
  if (result == 0)
    result = way == CBENCHMARK_SENDMMSG ? send_messages(descriptor, &frame, batch, frames)
                                        : send_ring(descriptor, way, &frame, batch, frames);
  if (result == 0) result = now() - start;
  close(descriptor);
  return result;
}
