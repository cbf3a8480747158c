// What `benchmark` does in C: it sends by AF_PACKET in ways that the product does not, and counts allocations.
#ifndef CBENCHMARK_H
#define CBENCHMARK_H

/// How frames reach an AF_PACKET socket, always past the queueing discipline.
enum cbenchmark_way {
  /// sendmmsg(2), a batch a call.
  CBENCHMARK_SENDMMSG,
  /// PACKET_TX_RING, one send(2) a batch. The kernel makes packets whose pages are the ring's.
  CBENCHMARK_RING_V2,
  CBENCHMARK_RING_V3,
  /// The same with PACKET_VNET_HDR, whose header length makes the kernel copy the frame whole.
  CBENCHMARK_RING_V2_COPIED,
};

/// Sends so many SYNs of 60 bytes with correct checksums, to one Ethernet address and 65,536 IPv4 addresses of
/// 198.19.0.0/16 in turn, in the calling thread's network namespace. Addresses in host order, the Ethernet ones
/// in the low 48 bits, the first byte highest. Nanoseconds until the last one had left, or a negative errno.
long long cbenchmark_send(enum cbenchmark_way way, int interface, unsigned long long from,
                          unsigned long long to, unsigned batch, unsigned long long frames);

/// How often the calling thread has asked for memory since it began.
unsigned long long cbenchmark_allocations(void);

#endif
