// Receiving by the receive program (bpf/receive.bpf.c), which validates replies and passes them through the event
// ring.
import Kernel
import Synchronization
import Wire

/// Receives the events of the receive program.
public final class XDPReceiver: Receiver {
  public let mode: ReceiveMode
  public let reason: String?
  public let dedicatedSources: Set<IPv4Address>
  public let dedicationFault: Fault? = nil
  public let acceptsPartialChecksums: Bool
  public let descriptor: Int32
  private let object: BPFObject
  private let link: XDPLink
  /// Set by `mapRing`.
  private let mapped = AtomicLazyReference<MappedRing>()
  private let keys: SharedKeys
  private let slots: Int
  private let statistics: BPFMap

  private final class MappedRing: Sendable {
    let ring: EventRing
    init(_ map: BPFMap) throws(Fault) { ring = try EventRing(map) }
  }

  /// Why a receiver could not be opened.
  enum OpenError: Error {
    /// The interface cannot run the program in this mode; another mode may work.
    case unsupported(Fault)
    /// Anything else, such as a missing capability or another program on the interface.
    case failed(Fault)

    /// Classifies the error of attaching to `interface`.
    init(attaching cause: Errno, to interface: String, mode: XDPMode) {
      let fault = Fault(
        "cannot attach the receive program to \(interface) in \(mode.rawValue) mode", cause: cause,
        remedy: XDPReceiver.remedy(cause, interface, mode))
      switch cause {
      // Drivers return these for "not with XDP", for example because of the MTU or the number of queues.
      case .notSupported, .invalidArgument, .outOfRange, .messageTooLong, .noSpace:
        self = .unsupported(fault)
      default: self = .failed(fault)
      }
    }

    var fault: Fault {
      switch self {
      case .unsupported(let fault), .failed(let fault): fault
      }
    }

    var isUnsupported: Bool {
      if case .unsupported = self { true } else { false }
    }
  }

  /// Loads and attaches the program. Needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN.
  init(_ settings: ReceiveSettings, mode: XDPMode, reason: String? = nil) throws(OpenError) {
    let program: Int32
    do throws(Fault) {
      object = try Self.load(settings)
      keys = try SharedKeys(try object.map("SIPHASH_KEY"))
      descriptor = try object.map("EVENTS").number
      statistics = try object.map("STATS")
      program = try object.program("receive")
    } catch {
      throw .failed(error)
    }
    do throws(Errno) {
      link = try XDPLink(program: program, interface: settings.interface, mode: mode)
    } catch {
      throw OpenError(attaching: error, to: settings.interfaceName, mode: mode)
    }
    self.mode = mode == .native ? .xdpNative : .xdpGeneric
    self.reason = reason
    slots = settings.slots
    dedicatedSources = settings.dedicatedSources
    acceptsPartialChecksums = settings.partialChecksums
  }

  public func mapRing() throws(Fault) {
    _ = mapped.storeIfNil(try MappedRing(try object.map("EVENTS")))
  }

  private var ring: MappedRing {
    guard let mapped = mapped.load() else { preconditionFailure("mapRing() comes first") }
    return mapped
  }

  private static func load(_ settings: ReceiveSettings) throws(Fault) -> BPFObject {
    let object = try BPFObject(.receive)
    try object.setReadOnlyData(
      Contract.settings(
        ports: settings.ports, slots: settings.slots, wantsResets: settings.wantsResets,
        reportClosed: settings.reportClosed, reportICMP: settings.reportICMP,
        generator: settings.generator, partialChecksums: settings.partialChecksums))
    try object.setMaxEntries("EVENTS", settings.ringBytes)
    try object.setMaxEntries("WHITELIST_IPV4", UInt32(max(1, settings.sources.count)))
    try object.load()
    let whitelist = try object.map("WHITELIST_IPV4")
    for source in settings.sources {
      var address: [UInt8] = []
      address.append(bigEndian: source.value)
      try whitelist.update(
        key: address, value: [Contract.use(dedicated: settings.dedicatedSources.contains(source))])
    }
    return object
  }

  private static func remedy(_ cause: Errno, _ interface: String, _ mode: XDPMode) -> String? {
    switch cause {
    case .resourceBusy, .fileExists:
      "Another XDP program is attached to \(interface); see `ip link show \(interface)`, then detach it"
    case .notSupported: "Its driver has no \(mode.rawValue) XDP"
    case .outOfRange, .messageTooLong:
      "Its MTU is too large for XDP; lower it with `ip link set \(interface) mtu 1500`"
    case .noSpace: "Its peer has more transmit queues than it has receive queues"
    case .notPermitted: "Attaching needs root, or CAP_BPF and CAP_NET_ADMIN"
    default: nil
    }
  }

  public func attach(generator program: Int32) throws(Fault) -> Int32? {
    try object.map("GENERATOR").setProgram(program, at: 0)
    return try object.program("receive")
  }

  public func setKey(_ key: SipHashKey?, slot: Int) {
    precondition(slot >= 0 && slot < slots)
    if let key { keys.set(slot, k0: key.k0, k1: key.k1) } else { keys.clear(slot) }
  }

  /// Bytes of the event ring that an event takes: its record and the header that the kernel puts before it.
  private static let eventBytes = 96

  public var eventRoom: (free: Int, total: Int)? {
    let mapped = ring
    return (mapped.ring.free / Self.eventBytes, mapped.ring.size / Self.eventBytes)
  }

  public func drain(limit: Int, _ body: (Reply) -> Bool) throws(Fault) -> Int {
    var foundInvalid = false
    let now = Clock.monotonic
    let count = ring.ring.drain(limit: limit) { record in
      guard var reply = Reply(record: record) else {
        foundInvalid = true
        return true
      }
      reply.time = Self.receiptTime(stamped: reply.time, drained: now)
      return body(reply)
    }
    if foundInvalid {
      throw Fault(
        "the event ring contains an invalid record",
        remedy: "The BPF program and the binary do not match; rebuild both")
    }
    return count
  }

  /// Returns when a reply was received, in nanoseconds of CLOCK_MONOTONIC.
  ///
  /// The receive program stamps events with a coarse clock, up to a tick (1 to 10 ms) behind, because a precise one
  /// is expensive. User space usually drains an event about a millisecond later, so the time of draining is the
  /// better estimate unless it is more than a tick later.
  package static func receiptTime(stamped: UInt64, drained: UInt64) -> UInt64 {
    let tick: UInt64 = 10_000_000
    return drained > stamped ? stamped + min(drained - stamped, tick) : stamped
  }

  public func fates() throws(Fault) -> FateCounts {
    var counts = FateCounts()
    counts.values = try Contract.counts(statistics)
    return counts
  }

  public func fates(slot: Int) throws(Fault) -> FateCounts {
    precondition(slot >= 0 && slot < slots)
    var counts = FateCounts()
    counts.values = try Contract.counts(statistics, slot: slot)
    return counts
  }
}
