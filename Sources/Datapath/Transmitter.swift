// The interface of every way to send. It is called once per batch, never once per frame.
import Kernel
import Wire

/// A way to send. Raw values are the names on the command line and in the summary.
public enum TransmitMode: String, Sendable, CaseIterable {
  /// The kernel builds the frames (BPF_PROG_TEST_RUN) and redirects them to the NIC.
  case generator
  /// AF_PACKET: a ring shared with the kernel that bypasses the queueing discipline.
  case packet
  /// AF_XDP, frames copied by the kernel.
  case xdpCopy = "xdp-copy"
  /// AF_XDP, frames read by the NIC from user memory.
  case xdpZeroCopy = "xdp-zerocopy"
}

/// Numbers of frames, by kind.
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

/// The most entries in a batch where neither the user nor the mode asks for another number.
let standardBatch = 64

/// What became of a batch.
public struct SubmitResult: Sendable {
  /// The number of entries taken, from the first. The caller must submit the others again.
  public var accepted = 0
  /// Frames that the driver refused, as opposed to entries without room. The transmitter retries them.
  public var refused = FrameCounts()
  /// Frames sent in this call, including those retained from earlier calls. They count against the rate.
  public var sent = 0
}

/// One transmit queue. One thread uses it at a time; the thread may change between jobs.
public protocol Transmitter: Sendable {
  var mode: TransmitMode { get }
  /// The NIC queue, for modes that have one; else the transmitter's number.
  var queue: UInt32 { get }
  /// The most entries in one batch.
  var batch: Int { get }
  /// The processor that the thread must be pinned to; nil for any.
  var processor: Int? { get }
  /// Sets the contents of frames for a job. Nothing of the previous job may be in flight.
  func prepare(_ stamper: FrameStamper)
  /// Builds frames from as many entries as there is room for, and sends them.
  ///
  /// - Parameter more: whether another call follows at once, so that this one may leave the sending to it.
  func submit(_ entries: Span<TransmitEntry>, more: Bool) throws(Fault) -> SubmitResult
  /// Returns the number of frames completed since the last call.
  ///
  /// - Parameter sending: whether frames that earlier calls left unsent may be sent now.
  func complete(sending: Bool) throws(Fault) -> FrameCounts
  /// Whether frames of earlier calls are still unsent, so that the next call of `submit`, or of `complete` with `sending`,
  /// sends them.
  var hasUnsent: Bool { get }
  /// Forgets those frames.
  func discardUnsent()
  /// The number of frames submitted and not yet completed.
  var inFlight: Int { get }
  /// The number of those that were refused and will be sent by the next `submit`.
  var waiting: Int { get }
}

extension Transmitter {
  public func submit(_ entries: Span<TransmitEntry>) throws(Fault) -> SubmitResult {
    try submit(entries, more: false)
  }

  public func complete() throws(Fault) -> FrameCounts { try complete(sending: true) }

  public var processor: Int? { nil }
  public var waiting: Int { 0 }
}
