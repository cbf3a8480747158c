// One ring of the in-kernel generator: entries go in, and a call makes the kernel send them.
import CLinux

/// Frames counted by what they were.
public struct GeneratedFrames: Hashable, Sendable {
  public var probes = 0
  public var resets = 0
  public var total: Int { probes + resets }
}

/// A ring of `struct synbox_entry`. All of it belongs to the thread that runs it, which must stay on
/// `processor`.
@safe public struct GeneratorRing: ~Copyable, @unchecked Sendable {
  public let processor: Int
  /// Its place in the shared memory.
  private let ring: Int
  private let generator: ProbeGenerator
  /// The program that is run: the generator's own, or an attached one that calls it.
  private let entry: Int32
  private let sender: UnsafeMutableRawPointer
  private let queue: UnsafeMutablePointer<synbox_queue>
  private let entries: UnsafeMutablePointer<synbox_entry>
  private let frame: UnsafeMutableRawPointer

  private static let mask = UInt64(ProbeGenerator.ringSize - 1)

  /// Ring `number` of the generator, driven from `processor`; each needs its own.
  public init(_ generator: ProbeGenerator, number: Int, processor: Int, entry: Int32) {
    self.generator = generator
    self.processor = processor
    self.entry = entry
    precondition(number < ProbeGenerator.mostRings && processor < Int(SYNBOX_PROCESSORS))
    // The first ring stays empty, for processors that have none.
    ring = number + 1
    let at = Int(SYNBOX_SENDERS_AT) + ring * Int(SYNBOX_SENDER_SIZE)
    unsafe sender = generator.senders.start + at
    // A sender begins with its queue.
    unsafe queue = sender.assumingMemoryBound(to: synbox_queue.self)
    unsafe entries =
      (sender + Int(SYNBOX_ENTRIES_AT)).assumingMemoryBound(to: synbox_entry.self)
    // What the kernel's fresh frames hold; the program writes every byte of them.
    unsafe frame = .allocate(byteCount: ProbeGenerator.frameSize, alignment: 8)
    unsafe frame.initializeMemory(as: UInt8.self, repeating: 0, count: ProbeGenerator.frameSize)
    unsafe queue.initialize(to: synbox_queue())
    unsafe generator.senders.start.storeBytes(
      of: UInt8(ring), toByteOffset: processor, as: UInt8.self)
  }

  deinit {
    let place = unsafe generator.senders.start + processor
    // Unless another ring has taken the processor over.
    if unsafe place.load(as: UInt8.self) == UInt8(ring) {
      unsafe place.storeBytes(of: 0, as: UInt8.self)
    }
    unsafe frame.deallocate()
  }

  /// Entries that have not been sent: just appended, or refused.
  public var waiting: Int { unsafe Int(queue.pointee.end &- queue.pointee.settled) }

  /// Sets the key and the IPv4 identification's mask and fixed bits for what is sent from now on.
  public mutating func prepare(k0: UInt64, k1: UInt64, identification: (mask: UInt16, fixed: UInt16)) {
    unsafe queue.pointee.start = Self.start(k0, k1)
    // What the program remembers belongs to the key before.
    unsafe memset(
      sender + Int(SYNBOX_MEMOS_AT), 0, Int(SYNBOX_ENTRIES_AT) - Int(SYNBOX_MEMOS_AT))
    unsafe queue.pointee.identification_mask = identification.mask
    unsafe queue.pointee.identification_fixed = identification.fixed
  }

  /// What bpf/cookie.h calls siphash_start: the state for a key, half a round on.
  private static func start(_ k0: UInt64, _ k1: UInt64) -> synbox_sip_state {
    var (v0, v1) = (k0 ^ 0x736f_6d65_7073_6575, k1 ^ 0x646f_7261_6e64_6f6d)
    v0 &+= v1
    v1 = v1 << 13 | v1 >> 51
    v1 ^= v0
    v0 = v0 << 32 | v0 >> 32
    return synbox_sip_state(
      v0: v0, v1: v1, v2: k0 ^ 0x6c79_6765_6e65_7261, v3: k1 ^ 0x7465_6462_7974_6573)
  }

  /// Appends entries that lie in memory as `struct synbox_entry` does; there must be room.
  public mutating func append<Entry: BitwiseCopyable>(_ batch: Span<Entry>) {
    let size = MemoryLayout<synbox_entry>.stride
    let count = batch.count
    precondition(MemoryLayout<Entry>.size == size && waiting + count <= ProbeGenerator.ringSize)
    let end = unsafe Int(queue.pointee.end & Self.mask)
    // In two pieces where the ring wraps.
    let straight = min(count, ProbeGenerator.ringSize - end)
    unsafe batch.bytes.withUnsafeBytes { bytes in
      guard let from = bytes.baseAddress else { return }
      unsafe memcpy(entries + end, from, straight * size)
      unsafe memcpy(entries, from + straight * size, (count - straight) * size)
    }
    unsafe queue.pointee.end += UInt64(count)
  }

  /// Floods: `count` frames wait that are all like the first template.
  public mutating func append(constantFrames count: Int) {
    precondition(waiting + count <= ProbeGenerator.ringSize)
    unsafe queue.pointee.end += UInt64(count)
  }

  /// Makes the kernel send the oldest `limit` entries that wait, at most. What the driver refuses goes to
  /// the ring's end and waits again.
  ///
  /// - Parameter frameLength: bytes of a probe.
  /// - Throws: the errno of the call, or the one for which frames could not leave at all (ENETDOWN). ESRCH
  ///   when the thread is not on its processor.
  public mutating func run(limit: Int, frameLength: Int) throws(Errno)
    -> (sent: GeneratedFrames, refused: GeneratedFrames)
  {
    precondition(frameLength >= 14 && frameLength <= ProbeGenerator.frameSize)
    guard clinux_current_processor() == Int32(processor) else { throw Errno(ESRCH) }
    let first = unsafe queue.pointee.settled
    let (refusedBefore, resetsBefore) = unsafe (queue.pointee.refused, queue.pointee.resets)
    let count = min(limit, waiting)
    guard count > 0 else { return (GeneratedFrames(), GeneratedFrames()) }
    unsafe queue.pointee.error = 0
    let error = unsafe clinux_program_run_live(entry, frame, UInt32(frameLength), UInt32(count))
    // A signal, or a tracer, ends a run between two frames; the rest waits for the next.
    guard error == 0 || error == -EINTR || error == -EAGAIN else { throw Errno(-error) }
    let settled = unsafe queue.pointee.settled
    guard unsafe queue.pointee.built == settled else {
      let reason = unsafe Int32(bitPattern: queue.pointee.error)
      // These frames are gone, and counted as refused: they wait again.
      unsafe queue.pointee.built = settled
      throw Errno(reason == 0 ? EIO : reason)
    }
    let refused: GeneratedFrames =
      unsafe queue.pointee.refused == refusedBefore
      ? GeneratedFrames() : requeueRefused(from: first, to: settled)
    var sent = GeneratedFrames()
    sent.resets = unsafe Int(queue.pointee.resets - resetsBefore) - refused.resets
    sent.probes = Int(settled - first) - refused.total - sent.resets
    return (sent, refused)
  }

  /// Takes frames that were made outside of `run`, which nothing settles, for sent.
  public mutating func forgetUnsettled() { unsafe queue.pointee.settled = queue.pointee.built }

  /// Why the driver last refused frames, if it was not for want of room.
  public var refusal: Errno? {
    let error = unsafe queue.pointee.error
    return error == 0 ? nil : Errno(Int32(bitPattern: error))
  }

  private func place(_ position: UInt64) -> UnsafeMutablePointer<synbox_entry> {
    unsafe entries + Int(position & Self.mask)
  }

  private mutating func requeueRefused(from first: UInt64, to settled: UInt64) -> GeneratedFrames {
    var refused = GeneratedFrames()
    for position in first..<settled where unsafe place(position).pointee.refused != 0 {
      var copy = unsafe place(position).pointee
      copy.refused = 0
      if copy.kind == UInt8(SYNBOX_FRAME_RST.rawValue) {
        refused.resets += 1
      } else {
        refused.probes += 1
      }
      // The entry that stood there has been settled, or is this one itself.
      unsafe place(queue.pointee.end).pointee = copy
      unsafe queue.pointee.end += 1
    }
    return refused
  }
}
