// Everything that is decided before a scan begins. The box's part is fixed while the process runs; the job's
// part belongs to one target file.
import Datapath
import Kernel
import Plan
import Scan
import Wire

/// How to send, as asked for.
enum TransmitChoice: String, CaseIterable {
  case auto
  case generator
  case xdp
  case xdpZeroCopy = "xdp-zerocopy"
  case xdpCopy = "xdp-copy"
  case packet
}

/// How to receive, as asked for.
enum ReceiveChoice: String, CaseIterable {
  case auto
  case xdpNative = "xdp-native"
  case xdpGeneric = "xdp-generic"
  case packet

  var mode: ReceiveMode? { ReceiveMode(rawValue: rawValue) }
}

/// Who sends RSTs, as asked for.
enum ResetChoice: String, CaseIterable {
  case auto
  /// The XDP program turns the SYN-ACK round (XDP_TX).
  case inPlace = "in-place"
  case transmitter
}

/// Which replies become results.
enum ReportChoice: String, CaseIterable {
  case open
  /// RSTs too.
  case closed
  /// ICMP errors too.
  case all
}

/// What is settled once, while there is privilege.
struct StationSettings {
  var interface: String
  /// Empty: the address the kernel would send from.
  var sources = AddressSet()
  var sourcePorts: ClosedRange<UInt16> = 32768...61000
  var gatewayMAC: MACAddress?
  var transmit = TransmitChoice.auto
  var receive = ReceiveChoice.auto
  var report = ReportChoice.open
  var sendsResets = true
  var reset = ResetChoice.auto
  /// Sending threads, one transmit queue each.
  var senders = 1
  /// nil is `EventRingSize.standard`.
  var eventRing: EventRingSize?
  /// Frames handed to the kernel in one call; nil is what suits the way of sending.
  var batch: Int?
  static let batches = 1...4096
}

/// What belongs to one scan.
struct JobSettings {
  var sequence: ProbeSequence
  var seed: Seed
  var rate: PacketRate
  var profile = ProbeProfile.smallest
  var cooldown: Duration = .seconds(8)
  var maxResults: UInt64?
  var maxRuntime: Duration?
  var dedupes = true
  var dedupeMemory: DedupeMemory
  var key: SipHashKey
  /// The scope that the targets were planned under.
  var scopeSHA256 = ""
  /// How later changes of the scope come to the senders; nil where nobody watches it.
  var scopeGate: ScopeGate?
  /// Signals that end the scan; others are read and mean nothing.
  var endingSignals: Set<Signal> = [.interrupt, .terminate]
}

extension Duration {
  /// Whole nanoseconds, at most 2^63.
  var nanoseconds: UInt64 {
    let (seconds, attoseconds) = components
    return UInt64(max(0, seconds)) * 1_000_000_000 + UInt64(max(0, attoseconds) / 1_000_000_000)
  }
}
