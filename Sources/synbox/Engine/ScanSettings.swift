// The settings of a scan: those of the station, fixed while the process runs, and those of one job.
import Datapath
import Kernel
import Plan
import Scan
import Wire

/// The requested way to transmit.
enum TransmitChoice: String, CaseIterable {
  case auto
  case generator
  case xdp
  case xdpZeroCopy = "xdp-zerocopy"
  case xdpCopy = "xdp-copy"
  case packet
}

/// The requested way to receive.
enum ReceiveChoice: String, CaseIterable {
  case auto
  case xdpNative = "xdp-native"
  case xdpGeneric = "xdp-generic"
  case packet

  var mode: ReceiveMode? { ReceiveMode(rawValue: rawValue) }
}

/// The requested way to send RSTs.
enum ResetChoice: String, CaseIterable {
  case auto
  /// The receive program turns the SYN-ACK into its RST (XDP_TX).
  case inPlace = "in-place"
  case transmitter
}

/// Which replies become results.
enum ReportChoice: String, CaseIterable {
  case open
  /// Open and closed ports.
  case closed
  /// Open and closed ports, and ICMP errors.
  case all
}

/// The settings of a station, which is opened once, while the process is privileged.
struct StationSettings {
  var interface: String
  /// Source addresses; empty for the interface's first.
  var sources = AddressSet()
  var sourcePorts: ClosedRange<UInt16> = 32768...61000
  var gatewayMAC: MACAddress?
  var transmit = TransmitChoice.auto
  var receive = ReceiveChoice.auto
  var report = ReportChoice.open
  var sendsResets = true
  var reset = ResetChoice.auto
  /// Sending threads, each with a NIC queue of its own.
  var senders = 1
  /// nil for `EventRingSize.standard`.
  var eventRing: EventRingSize?
  /// Frames submitted in one call; nil for the transmitter's default.
  var batch: Int?
  static let batches = 1...4096
}

/// The settings of one scan.
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
  /// The hash of the scope that the targets were planned under, in hex.
  var scopeSHA256 = ""
  /// Brings later changes of the scope to the senders; nil if nothing watches the scope.
  var scopeGate: ScopeGate?
  /// The signals that end the scan. All others are ignored.
  var endingSignals: Set<Signal> = [.interrupt, .terminate]
}

extension Duration {
  /// The duration in whole nanoseconds; 0 if negative.
  var nanoseconds: UInt64 {
    let (seconds, attoseconds) = components
    return UInt64(max(0, seconds)) * 1_000_000_000 + UInt64(max(0, attoseconds) / 1_000_000_000)
  }
}
