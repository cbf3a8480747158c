// One ring of the in-kernel generator: entries are appended, and a system call makes the kernel send them.
import CLinux

/// Numbers of frames, by kind.
public struct GeneratedFrames: Hashable, Sendable {
  public var probes = 0
  public var resets = 0
  public var total: Int { probes + resets }
}

/// A ring of `struct synbox_entry`. Only one thread may use it, and that must stay on `processor`.
@safe public struct GeneratorRing: ~Copyable, @unchecked Sendable {
  public let processor: Int
  private let number: Int
  private let generator: ProbeGenerator
  /// The program to run: the generator's own, or an attached one that calls it.
  private let entry: Int32
  private let ring: UnsafeMutablePointer<synbox_ring>
  private let entries: UnsafeMutablePointer<synbox_entry>
  private let frame: UnsafeMutableRawPointer

  private static let mask = UInt64(ProbeGenerator.ringSize - 1)

  /// Makes ring `number` of the generator's, for a thread on `processor`. Each ring needs a processor of its own.
  public init(_ generator: ProbeGenerator, number: Int, processor: Int, entry: Int32) {
    self.generator = generator
    self.processor = processor
    self.entry = entry
    precondition(number < generator.rings && processor < Int(SYNBOX_PROCESSORS))
    self.number = number
    let sender = unsafe generator.senders.start + number * Int(SYNBOX_SENDER_SIZE)
    // The first member of `struct synbox_sender`.
    unsafe ring = sender.assumingMemoryBound(to: synbox_ring.self)
    unsafe entries =
      (sender + Int(SYNBOX_ENTRIES_AT)).assumingMemoryBound(to: synbox_entry.self)
    // The initial contents of the kernel's frames; the program overwrites every byte.
    unsafe frame = .allocate(byteCount: ProbeGenerator.frameSize, alignment: 8)
    unsafe frame.initializeMemory(as: UInt8.self, repeating: 0, count: ProbeGenerator.frameSize)
    unsafe ring.initialize(to: synbox_ring())
    unsafe generator.ringOfProcessor.start.storeBytes(
      of: UInt8(number + 1), toByteOffset: processor, as: UInt8.self)
  }

  deinit {
    let ringOfProcessor = unsafe generator.ringOfProcessor.start + processor
    // Unless another ring uses the processor by now.
    if unsafe ringOfProcessor.load(as: UInt8.self) == UInt8(number + 1) {
      unsafe ringOfProcessor.storeBytes(of: 0, as: UInt8.self)
    }
    unsafe frame.deallocate()
  }

  /// The number of entries that wait to be sent: newly appended, or refused.
  public var waiting: Int { unsafe Int(ring.pointee.end &- ring.pointee.settled) }

  /// Appends entries, for which there must be room. `Entry` must have the layout of `struct synbox_entry`.
  public mutating func append<Entry: BitwiseCopyable>(_ batch: Span<Entry>) {
    let size = MemoryLayout<synbox_entry>.stride
    let count = batch.count
    precondition(MemoryLayout<Entry>.size == size && waiting + count <= ProbeGenerator.ringSize)
    let end = unsafe Int(ring.pointee.end & Self.mask)
    // In two parts if the batch wraps around the ring's end.
    let beforeWrap = min(count, ProbeGenerator.ringSize - end)
    unsafe batch.bytes.withUnsafeBytes { bytes in
      guard let from = bytes.baseAddress else { return }
      unsafe memcpy(entries + end, from, beforeWrap * size)
      unsafe memcpy(entries, from + beforeWrap * size, (count - beforeWrap) * size)
    }
    unsafe ring.pointee.end += UInt64(count)
  }

  /// Appends `count` copies of the first template's frame, for the flood program.
  public mutating func append(constantFrames count: Int) {
    precondition(waiting + count <= ProbeGenerator.ringSize)
    unsafe ring.pointee.end += UInt64(count)
  }

  /// Makes the kernel send at most the `limit` oldest waiting entries. Entries that the driver refuses are appended
  /// to the ring again.
  ///
  /// - Parameter frameLength: the length of a probe in bytes.
  /// - Throws: ESRCH if the thread is not on its processor; the errno of the call; or the errno for which frames
  ///   never reached the driver, such as ENETDOWN.
  public mutating func run(limit: Int, frameLength: Int) throws(Errno)
    -> (sent: GeneratedFrames, refused: GeneratedFrames)
  {
    precondition(frameLength >= 14 && frameLength <= ProbeGenerator.frameSize)
    guard clinux_current_processor() == Int32(processor) else { throw Errno(ESRCH) }
    let first = unsafe ring.pointee.settled
    let (refusedBefore, resetsBefore) = unsafe (ring.pointee.refused, ring.pointee.resets)
    let count = min(limit, waiting)
    guard count > 0 else { return (GeneratedFrames(), GeneratedFrames()) }
    unsafe ring.pointee.error = 0
    let error = unsafe clinux_program_run_live(entry, frame, UInt32(frameLength), UInt32(count))
    // A signal or a tracer may end a run between two frames. The other entries wait for the next run.
    guard error == 0 || error == -EINTR || error == -EAGAIN else { throw Errno(-error) }
    let settled = unsafe ring.pointee.settled
    guard unsafe ring.pointee.built == settled else {
      let reason = unsafe Int32(bitPattern: ring.pointee.error)
      // The frames built but not settled are lost, so their entries wait again.
      unsafe ring.pointee.built = settled
      throw Errno(reason == 0 ? EIO : reason)
    }
    let refused: GeneratedFrames =
      unsafe ring.pointee.refused == refusedBefore
      ? GeneratedFrames() : requeueRefused(from: first, to: settled)
    var sent = GeneratedFrames()
    sent.resets = unsafe Int(ring.pointee.resets - resetsBefore) - refused.resets
    sent.probes = Int(settled - first) - refused.total - sent.resets
    return (sent, refused)
  }

  /// Forgets the entries that wait.
  public mutating func discard() { unsafe ring.pointee.end = ring.pointee.settled }

  /// Marks frames as sent that were built outside of `run`, so that nothing settles them. For tests.
  public mutating func forgetUnsettled() { unsafe ring.pointee.settled = ring.pointee.built }

  /// Why the driver last refused frames; nil if its queue was full.
  public var refusal: Errno? {
    let error = unsafe ring.pointee.error
    return error == 0 ? nil : Errno(Int32(bitPattern: error))
  }

  private func entry(at position: UInt64) -> UnsafeMutablePointer<synbox_entry> {
    unsafe entries + Int(position & Self.mask)
  }

  private mutating func requeueRefused(from first: UInt64, to settled: UInt64) -> GeneratedFrames {
    let (mark, rst) = (UInt32(SYNBOX_WAY_REFUSED.rawValue), UInt32(SYNBOX_WAY_RST.rawValue))
    var refused = GeneratedFrames()
    for position in first..<settled where unsafe entry(at: position).pointee.way & mark != 0 {
      var copy = unsafe entry(at: position).pointee
      copy.way &= ~mark
      if copy.way & rst != 0 {
        refused.resets += 1
      } else {
        refused.probes += 1
      }
      // The slot is free: its entry has been settled, or is this one.
      unsafe entry(at: ring.pointee.end).pointee = copy
      unsafe ring.pointee.end += 1
    }
    return refused
  }
}
