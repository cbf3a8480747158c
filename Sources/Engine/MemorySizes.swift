// Sizes of the dedupe table and of the event ring.
import Kernel
import Plan

/// The most memory that the dedupe table may use, in bytes. It grows as replies arrive, and starts to evict pairs when
/// it is full, at about 10.2 bytes per pair.
package struct DedupeMemory: Hashable, Sendable, ParsableValue {
  package let bytes: Int

  private init(bytes: Int) { self.bytes = bytes }

  /// 1 GiB holds 105 million pairs, more than one port has open on the whole Internet. At most half of the machine's
  /// memory, because a process that the kernel kills for lack of memory reports nothing.
  package static let standard = DedupeMemory(bytes: Int(min(1 << 30, physicalMemory / 2)))
  private static let minimum: UInt64 = 64 << 10

  package init(parsing text: String) throws(ValueError) {
    let size = try MemorySize(parsing: text).bytes
    guard size >= Self.minimum else {
      throw ValueError(found: "\"\(text)\"", expected: "at least 64K for dedupe, such as 64M or 2G")
    }
    bytes = Int(size)
  }

  package static let evictionWarning =
    "the dedupe table is full and evicts a pair for each new one, so some results may be written twice; "
    + "see dedupe_evictions in the summary, and raise --dedupe-memory"
}

/// The size in bytes of the event ring, the BPF ring buffer that carries events. An event takes 96.
package struct EventRingSize: Hashable, Sendable, ParsableValue {
  package let bytes: UInt32

  private init(bytes: UInt32) { self.bytes = bytes }

  /// Holds 43,690 events.
  package static let standard = EventRingSize(bytes: 1 << 22)

  /// Returns the size that holds what half a second of a rate can cause, at least 512 KiB and at most `standard`. Beyond
  /// it, senders give way (`OverloadChoice.slow`).
  package static func fitting(_ rate: PacketRate?) -> EventRingSize {
    guard let rate = rate?.perSecond else { return standard }
    var size: UInt32 = 1 << 19
    while UInt64(size) < rate / 2 * 96, size < standard.bytes { size *= 2 }
    return EventRingSize(bytes: size)
  }

  /// The kernel requires a power of two and whole pages (kernel/bpf/ringbuf.c). At most 1 GiB, because the kernel maps
  /// the ring twice.
  package init(parsing text: String) throws(ValueError) {
    let size = try MemorySize(parsing: text).bytes
    guard size & (size &- 1) == 0, size >= UInt64(pageSize), size <= 1 << 30 else {
      throw ValueError(
        found: "\"\(text)\"",
        expected: "a power of two from \(pageSize) bytes to 1G for the event ring")
    }
    bytes = UInt32(size)
  }
}
