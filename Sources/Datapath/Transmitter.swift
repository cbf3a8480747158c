// What every way of sending has in common. A call crosses this border once a batch, never once a frame.
import Kernel
import Wire

/// The ways to send, as they are named on the command line and in the summary.
public enum TransmitMode: String, Sendable, CaseIterable {
  /// The kernel makes the frames itself (BPF_PROG_TEST_RUN) and redirects them to the NIC.
  case generator
  /// AF_PACKET, a ring shared with the kernel, past the queueing discipline.
  case packet
  /// AF_XDP, frames copied by the kernel.
  case xdpCopy = "xdp-copy"
  /// AF_XDP, frames read by the NIC from user memory.
  case xdpZeroCopy = "xdp-zerocopy"
}

/// Frames counted by what they were.
public struct FrameCounts: Hashable, Sendable {
  public var probes: UInt64 = 0
  public var resets: UInt64 = 0

  public init(probes: UInt64 = 0, resets: UInt64 = 0) {
    self.probes = probes
    self.resets = resets
  }

  mutating func count(_ kind: TransmitEntry.Kind) {
    switch kind {
    case .syn: probes += 1
    case .rst: resets += 1
    }
  }
}

/// What became of a batch.
public struct SubmitResult: Sendable {
  /// The first so many entries were taken; the rest must be offered again.
  public var accepted = 0
  /// Tried and refused, as opposed to not tried for want of room. They are among the rest; the generator
  /// keeps its own and tries them again itself.
  public var refused = FrameCounts()
  /// Frames that left in this call, those kept from earlier ones included: what counts against the rate.
  public var left = 0
}

/// One transmit queue. Used by one thread at a time; which one may change between jobs.
public protocol Transmitter: Sendable {
  var mode: TransmitMode { get }
  /// The NIC's queue, where the way of sending has one.
  var queue: UInt32 { get }
  /// Entries in one batch at most.
  var batch: Int { get }
  /// The processor that the thread must be pinned to; nil where any will do.
  var processor: Int? { get }
  /// Sets the frames' contents for a job. Nothing of the last job may be in flight.
  func prepare(_ stamper: FrameStamper)
  /// Makes frames of as many entries as there is room for, and hands them over.
  ///
  /// - Parameter more: another call follows at once, which may do the handing over for both.
  func submit(_ entries: Span<TransmitEntry>, more: Bool) throws(Fault) -> SubmitResult
  /// Frames whose sending has been confirmed since the last call.
  func complete() throws(Fault) -> FrameCounts
  /// Frames handed over and not confirmed yet.
  var inFlight: Int { get }
  /// Of these the ones that were refused, and leave with the next `submit`.
  var waiting: Int { get }
}

extension Transmitter {
  public func submit(_ entries: Span<TransmitEntry>) throws(Fault) -> SubmitResult {
    try submit(entries, more: false)
  }

  public var processor: Int? { nil }
  public var waiting: Int { 0 }
}
