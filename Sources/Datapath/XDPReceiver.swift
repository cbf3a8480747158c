// Receiving by the XDP program bpf/receive.bpf.c: replies come through a ring buffer, already validated.
import Kernel
import Synchronization
import Wire

public final class XDPReceiver: Receiver {
  public let mode: ReceiveMode
  public let reason: String?
  public let reset: ResetMethod
  public let acceptsPartialChecksums: Bool
  public let descriptor: Int32
  private let object: BPFObject
  private let link: XDPLink
  private let ring: EventRing
  private let key: SharedKey
  private let statistics: BPFMap

  /// Loads and attaches the program. Needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN.
  public init(_ settings: ReceiveSettings, mode: XDPMode, reason: String? = nil) throws(Fault) {
    let object = try Self.load(settings)
    let key = try SharedKey(try object.map("SIPHASH_KEY"))
    // Until the first job sets its own: nothing can be forged for an idle box.
    let random = SipHashKey.random()
    key.set(k0: random.k0, k1: random.k1)
    let ring = try EventRing(try object.map("EVENTS"))
    let statistics = try object.map("STATS")
    let program = try object.program("receive")
    let link: XDPLink
    do throws(Errno) {
      link = try XDPLink(program: program, interface: settings.interface, mode: mode)
    } catch {
      throw Self.attachFault(error, settings.interfaceName, mode)
    }
    self.mode = mode == .native ? .xdpNative : .xdpGeneric
    self.reason = reason
    self.reset = settings.reset
    acceptsPartialChecksums = settings.partialChecksums
    descriptor = ring.descriptor
    self.object = object
    self.key = key
    self.ring = ring
    self.statistics = statistics
    self.link = link
  }

  private static func load(_ settings: ReceiveSettings) throws(Fault) -> BPFObject {
    let object = try BPFObject(.receive)
    try object.setReadOnlyData(
      Contract.settings(
        ports: settings.ports, reset: settings.reset, reportClosed: settings.reportClosed,
        reportICMP: settings.reportICMP, generator: settings.generator,
        partialChecksums: settings.partialChecksums))
    try object.setMaxEntries("EVENTS", settings.ringBytes)
    try object.setMaxEntries("WHITELIST_IPV4", UInt32(max(1, settings.sources.count)))
    try object.load()
    let whitelist = try object.map("WHITELIST_IPV4")
    for source in settings.sources {
      var address: [UInt8] = []
      address.append(bigEndian: source.value)
      try whitelist.update(key: address, value: [1])
    }
    return object
  }

  private static func attachFault(_ cause: Errno, _ name: String, _ mode: XDPMode) -> Fault {
    let remedy: String? =
      switch cause.number {
      case 16, 17:
        "Another XDP program is attached to \(name); see `ip link show \(name)`, then detach it"
      case 95: "Its driver has no \(mode.rawValue) XDP"
      case 34, 90: "Its MTU is too large for XDP; lower it with `ip link set \(name) mtu 1500`"
      case 28: "Its peer has more transmit queues than it has receive queues"
      case 1: "Attaching needs root, or CAP_BPF and CAP_NET_ADMIN"
      default: nil
      }
    return Fault(
      "cannot attach the XDP program to \(name) in \(mode.rawValue) mode", cause: cause,
      remedy: remedy)
  }

  /// The interface cannot do it, as opposed to: may not now.
  static func meansUnsupported(_ fault: Fault) -> Bool {
    // EOPNOTSUPP, EINVAL, ERANGE, EMSGSIZE, ENOSPC, ENODEV as drivers use them for "not with XDP"
    [95, 22, 34, 90, 28].contains(fault.cause?.number ?? 0)
      && fault.what.hasPrefix("cannot attach the XDP program")
  }

  public func attach(generator program: Int32) throws(Fault) -> Int32? {
    try object.map("GENERATOR").setProgram(program, at: 0)
    return try object.program("receive")
  }

  public func setKey(_ key: SipHashKey) { self.key.set(k0: key.k0, k1: key.k1) }

  public func drain(limit: Int, _ body: (Reply) -> Bool) throws(Fault) -> Int {
    var foreign = false
    let now = Clock.monotonic
    let taken = ring.drain(limit: limit) { record in
      guard var reply = Reply(record: record) else {
        foreign = true
        return true
      }
      reply.time = Self.receipt(noted: reply.time, taken: now)
      return body(reply)
    }
    if foreign {
      throw Fault(
        "the event ring holds a record that is not ours",
        remedy: "The BPF program and the binary differ; build both again")
    }
    return taken
  }

  /// When a reply came. The program notes the time to a clock tick (1 to 10 ms), for a precise clock costs a
  /// third of all its work; that the reply is taken here is later by a millisecond or so, unless there is a
  /// jam.
  package static func receipt(noted: UInt64, taken: UInt64) -> UInt64 {
    let tick: UInt64 = 10_000_000
    return taken > noted ? noted + min(taken - noted, tick) : noted
  }

  public func fates() throws(Fault) -> FateCounts {
    var counts = FateCounts()
    counts.values = try statistics.perCPUSums()
    return counts
  }
}
