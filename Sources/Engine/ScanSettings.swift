// The settings of a scan: those of the station, fixed while the process runs, and those of one job.
import Datapath
import Kernel
import Plan
import Scan
import Wire

/// The requested way to transmit.
package enum TransmitChoice: String, CaseIterable {
  case auto
  case generator
  case xdp
  case xdpZeroCopy = "xdp-zerocopy"
  case xdpCopy = "xdp-copy"
  case packet
}

/// The requested way to receive.
package enum ReceiveChoice: String, CaseIterable {
  case auto
  case xdpNative = "xdp-native"
  case xdpGeneric = "xdp-generic"
  case packet

  package var mode: ReceiveMode? { ReceiveMode(rawValue: rawValue) }
}

/// The requested way to send RSTs. There is only one; the choice remains for configurations that make it.
package enum ResetChoice: String, CaseIterable {
  case auto
  case transmitter
}

/// Who uses the source addresses, and so what becomes of packets to them that are no valid replies.
package enum SourceUseChoice: String, CaseIterable {
  /// `shared` for addresses of this host, unless `StationSettings.dedicatesOwnSources`; `dedicated` for others.
  case auto
  /// The scan alone: they are dropped.
  case dedicated
  /// The host, too: its kernel receives them.
  case shared
}

/// Which replies become results.
package enum ReportChoice: String, CaseIterable {
  case open
  /// Open and closed ports.
  case closed
  /// Open and closed ports, and ICMP errors.
  case all
}

/// The settings of a station, which is opened once, while the process is privileged.
package struct StationSettings: Sendable {
  package var interface: String
  /// Source addresses; empty for the interface's first.
  package var sources = AddressSet()
  package var sourcePorts: ClosedRange<UInt16> = 32768...61000
  package var sourceUse = SourceUseChoice.auto
  /// Whether `SourceUseChoice.auto` dedicates this host's addresses, too: it exists to scan.
  package var dedicatesOwnSources = false
  package var gatewayMAC: MACAddress?
  package var transmit = TransmitChoice.auto
  package var receive = ReceiveChoice.auto
  package var report = ReportChoice.open
  /// Whether the interface must be alone in its network namespace, beside `lo`.
  package var requiresOwnNamespace = false
  package var sendsResets = true
  package var reset = ResetChoice.auto
  /// Sending threads, each with a NIC queue of its own.
  package var senders = 1
  /// How many scans may overlap, each in a slot of its own (`KeySlots`).
  package var slots = 1
  /// nil for one that fits the rate.
  package var eventRing: EventRingSize?
  /// The highest rate of any scan; nil if it is not known yet, or may change.
  package var highestRate: PacketRate?
  /// Frames submitted in one call; nil for the transmitter's default.
  package var batch: Int?
  package static let batches = 1...4096

  package init(interface: String) { self.interface = interface }
}

/// The settings of one scan.
package struct JobSettings {
  package var sequence: ProbeSequence
  package var seed: Seed
  package var rate: PacketRate
  package var paceInterval = PaceInterval.standard
  package var onOverload = OverloadChoice.slow
  package var profile = ProbeProfile.smallest
  package var cooldown: Duration = .seconds(8)
  package var maxResults: UInt64?
  package var maxRuntime: Duration?
  package var dedupes = true
  package var dedupeMemory: DedupeMemory
  package var key: SipHashKey
  /// The hash of the scope that the targets were planned under, in hex.
  package var scopeSHA256 = ""
  package var numbering = Numbering.scope
  /// This shard's targets that the scope excludes at the start although they have numbers.
  package var targetsDenied: UInt64 = 0
  /// Brings later changes of the scope to the senders; nil if nothing watches the scope.
  package var scopeGate: ScopeGate?
  /// The signals that end the scan. All others are ignored.
  package var endingSignals: Set<Signal> = [.interrupt, .terminate]

  package init(
    sequence: ProbeSequence, seed: Seed, rate: PacketRate, dedupeMemory: DedupeMemory, key: SipHashKey
  ) {
    self.sequence = sequence
    self.seed = seed
    self.rate = rate
    self.dedupeMemory = dedupeMemory
    self.key = key
  }

  /// Whether `maxRuntime` ends the scan, at its rate, before the probes from `index` on are sent.
  package func isCutOffByMaxRuntime(from index: UInt64 = 0) -> Bool {
    guard let maxRuntime, let rate = rate.perSecond else { return false }
    let probes = sequence.count - min(index, sequence.count)
    return Double(probes) / Double(rate) > Double(maxRuntime.nanoseconds) / 1e9
  }
}

extension Duration {
  /// The duration in whole nanoseconds; 0 if negative.
  package var nanoseconds: UInt64 {
    let (seconds, attoseconds) = components
    return UInt64(max(0, seconds)) * 1_000_000_000 + UInt64(max(0, attoseconds) / 1_000_000_000)
  }
}
