// The consumer's side of a BPF ring buffer (kernel: Documentation/bpf/ringbuf.rst), read straight from
// shared memory: no system call and no copy a record.
import CLinux

/// Takes records out of a BPF_MAP_TYPE_RINGBUF.
@safe public struct EventRing: ~Copyable, @unchecked Sendable {
  /// To wait on: readable when a record has come after the ring was found empty. Borrowed from the map.
  public let descriptor: Int32
  private let consumer: MappedMemory
  private let producer: MappedMemory
  private let mask: UInt

  /// Maps the ring. The map's object must outlive it.
  public init(_ map: BPFMap) throws(Fault) {
    let page = MappedMemory.pageSize
    descriptor = map.number
    mask = UInt(map.maxEntries) - 1
    let consumer = try MappedMemory(
      descriptor: map.number, offset: 0, count: page, writable: true, what: "the event ring")
    // Twice the data, so that a record that wraps is still contiguous.
    let producer = try MappedMemory(
      descriptor: map.number, offset: page, count: page + 2 * map.maxEntries, writable: false,
      what: "the event ring")
    self.consumer = consumer
    self.producer = producer
  }

  /// Hands at most `limit` records to `body`, oldest first, and frees them; how many there were.
  ///
  /// `body` returns false to leave this record and all after it in the ring, for later.
  public func drain(limit: Int, _ body: (Span<UInt8>) -> Bool) -> Int {
    let position = unsafe consumer.start.assumingMemoryBound(to: UInt.self)
    let end = unsafe clinux_load_acquire_long(producer.start.assumingMemoryBound(to: UInt.self))
    let data = unsafe producer.start + MappedMemory.pageSize
    var at = unsafe position.pointee
    var taken = 0
    while at < end, taken < limit {
      let header = unsafe data + Int(at & mask)
      let word = unsafe clinux_load_acquire_u32(header.assumingMemoryBound(to: UInt32.self))
      // Reserved but not submitted yet: its writer is on another processor, and will wake us.
      if word & UInt32(1 << 31) != 0 { break }
      let length = Int(word & 0x3fff_ffff)
      if word & UInt32(1 << 30) == 0 {
        let bytes = unsafe UnsafeRawBufferPointer(start: header + 8, count: length)
        let record = unsafe Span<UInt8>(_unsafeElements: bytes.bindMemory(to: UInt8.self))
        guard body(record) else { break }
        taken += 1
      }
      at += UInt((length + 8 + 7) & ~7)
      unsafe clinux_store_release_long(position, at)
    }
    return taken
  }
}
