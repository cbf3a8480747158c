// The C part of `benchmark`: ways to send through AF_PACKET that synbox does not use, and an allocation counter.
#ifndef CBENCHMARK_H
#define CBENCHMARK_H

/// How frames are passed to an AF_PACKET socket. All bypass the queueing discipline.
enum cbenchmark_way {
  /// sendmmsg(2), one call for each batch.
  CBENCHMARK_SENDMMSG,
  /// PACKET_TX_RING, one send(2) for each batch. The packets' pages are the ring's.
  CBENCHMARK_RING_V2,
  CBENCHMARK_RING_V3,
  /// The same with PACKET_VNET_HDR, whose header length makes the kernel copy the whole frame.
  CBENCHMARK_RING_V2_COPIED,
};

/// Sends `frames` SYNs of 60 bytes with correct checksums to one Ethernet address and the addresses of 198.19.0.0/16
/// in turn, in the calling thread's network namespace. Ethernet addresses are in the low 48 bits, the first byte
/// highest. Returns the nanoseconds until the last frame was sent, or a negative errno.
long long cbenchmark_send(enum cbenchmark_way way, int interface, unsigned long long from,
                          unsigned long long to, unsigned batch, unsigned long long frames);

/// Returns the number of heap allocations by the calling thread.
unsigned long long cbenchmark_allocations(void);

#endif
