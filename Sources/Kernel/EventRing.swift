// The consumer of a BPF ring buffer (Documentation/bpf/ringbuf.rst). Reads shared memory directly, so that a record
// costs no system call and no copy.
import CLinux

/// A mapped BPF_MAP_TYPE_RINGBUF.
@safe public struct EventRing: ~Copyable, @unchecked Sendable {
  /// The descriptor to poll: readable if a record arrived after the ring was found empty. Borrowed from the map.
  public let descriptor: Int32
  private let consumer: MappedMemory
  private let producer: MappedMemory
  private let mask: UInt
  /// A copy of the record that wraps around the ring's end.
  private let wrapped: UnsafeMutableRawBufferPointer

  /// The longest record, in bytes.
  private static let longest = 128
  /// Flags in the length word of a record's header (linux/bpf.h).
  private static let busy = UInt32(BPF_RINGBUF_BUSY_BIT)
  private static let discarded = UInt32(BPF_RINGBUF_DISCARD_BIT)
  private static let headerSize = Int(BPF_RINGBUF_HDR_SZ)

  /// Maps the ring. The map's object must outlive it.
  public init(_ map: BPFMap) throws(Fault) {
    let page = MappedMemory.pageSize
    descriptor = map.number
    mask = UInt(map.maxEntries) - 1
    let consumer = try MappedMemory(
      descriptor: map.number, offset: 0, count: page, writable: true, what: "the event ring")
    // The kernel offers the data twice, so that a record that wraps is contiguous. Mapped twice it would also count twice
    // as resident.
    let producer = try MappedMemory(
      descriptor: map.number, offset: page, count: page + map.maxEntries, writable: false,
      what: "the event ring")
    self.consumer = consumer
    self.producer = producer
    unsafe wrapped = .allocate(byteCount: Self.longest, alignment: 8)
  }

  deinit { unsafe wrapped.deallocate() }

  /// Bytes that records and their headers may have together.
  public var size: Int { Int(mask) + 1 }

  /// Bytes that are still free. Any thread may ask: what changes during the call can make the answer too small, never too
  /// great.
  public var free: Int {
    // The consumer's position first, so that the difference is never less than what is in use.
    let begin = unsafe clinux_load_acquire_long(consumer.start.assumingMemoryBound(to: UInt.self))
    let end = unsafe clinux_load_acquire_long(producer.start.assumingMemoryBound(to: UInt.self))
    return max(0, size - Int(end &- begin))
  }

  /// Passes at most `limit` records to `body`, oldest first, and frees them. `body` returns false to leave this
  /// record and those behind it for later. Of a record longer than 128 bytes it gets these.
  ///
  /// - Returns: the number of records freed.
  public func drain(limit: Int, _ body: (Span<UInt8>) -> Bool) -> Int {
    let position = unsafe consumer.start.assumingMemoryBound(to: UInt.self)
    let end = unsafe clinux_load_acquire_long(producer.start.assumingMemoryBound(to: UInt.self))
    let data = unsafe producer.start + MappedMemory.pageSize
    var at = unsafe position.pointee
    var count = 0
    while at < end, count < limit {
      let header = unsafe data + Int(at & mask)
      let word = unsafe clinux_load_acquire_u32(header.assumingMemoryBound(to: UInt32.self))
      // Reserved but not yet submitted: its writer runs on another processor and will wake us.
      if word & Self.busy != 0 { break }
      let length = Int(word & ~(Self.busy | Self.discarded))
      if word & Self.discarded == 0 {
        let bytes = unsafe record(at: at + UInt(Self.headerSize), min(length, Self.longest))
        guard unsafe body(Span<UInt8>(_unsafeElements: bytes.bindMemory(to: UInt8.self))) else { break }
        count += 1
      }
      at += UInt((length + Self.headerSize + 7) & ~7)
      unsafe clinux_store_release_long(position, at)
    }
    return count
  }

  /// Returns a record's bytes where they lie, or a copy if they wrap around the ring's end.
  private func record(at position: UInt, _ length: Int) -> UnsafeRawBufferPointer {
    let data = unsafe producer.start + MappedMemory.pageSize
    let first = Int(position & mask)
    let rest = first + length - size
    if rest <= 0 { return unsafe UnsafeRawBufferPointer(start: data + first, count: length) }
    unsafe wrapped.copyMemory(from: UnsafeRawBufferPointer(start: data + first, count: length - rest))
    unsafe UnsafeMutableRawBufferPointer(rebasing: wrapped[(length - rest)...]).copyMemory(
      from: UnsafeRawBufferPointer(start: data, count: rest))
    return unsafe UnsafeRawBufferPointer(rebasing: wrapped[..<length])
  }
}
