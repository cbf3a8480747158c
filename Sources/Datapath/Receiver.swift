// The interface of every way to receive, and the choice of one.
import Kernel
import Wire

/// A way to receive. Raw values are the names on the command line and in the summary.
public enum ReceiveMode: String, Sendable, CaseIterable {
  /// The receive program in the driver.
  case xdpNative = "xdp-native"
  /// The receive program in the kernel's network core.
  case xdpGeneric = "xdp-generic"
  /// AF_PACKET capture, classified in user space.
  case packet
}

/// The settings of a receiver, fixed when it is opened.
public struct ReceiveSettings: Sendable {
  public var interface: Int32
  public var interfaceName: String
  /// Our addresses. Packets to other addresses are passed to the kernel untouched.
  public var sources: [IPv4Address]
  /// The sources that are addresses of this host, so that its kernel's TCP sees the replies, too.
  public var localSources: Set<IPv4Address>
  /// The sources that only the scan uses: what comes to them and is no valid reply is dropped.
  public var dedicatedSources: Set<IPv4Address> = []
  public var ports: ClosedRange<UInt16>
  /// The number of slots for keys, at most `KeySlots.most`. More than one divides the source ports among them.
  public var slots: Int
  /// Whether valid SYN-ACKs ask for an RST.
  public var wantsResets: Bool
  public var reportClosed: Bool
  public var reportICMP: Bool
  /// Whether a generator will run through the receive program.
  public var generator: Bool
  /// Whether to accept TCP checksums that a local sender left to the adapter (CHECKSUM_PARTIAL), because the link is
  /// virtual.
  public var partialChecksums: Bool
  /// The size of the event ring in bytes: a power of two and a multiple of the page size.
  public var ringBytes: UInt32

  public init(
    interface: Int32, interfaceName: String, sources: [IPv4Address],
    localSources: Set<IPv4Address>, ports: ClosedRange<UInt16>, slots: Int = 1, wantsResets: Bool,
    reportClosed: Bool, reportICMP: Bool, generator: Bool = false, partialChecksums: Bool = false,
    ringBytes: UInt32 = 1 << 22
  ) {
    self.interface = interface
    self.interfaceName = interfaceName
    self.sources = sources
    self.localSources = localSources
    self.ports = ports
    self.slots = slots
    self.wantsResets = wantsResets
    self.reportClosed = reportClosed
    self.reportICMP = reportICMP
    self.generator = generator
    self.partialChecksums = partialChecksums
    self.ringBytes = ringBytes
  }
}

/// An open receiver. One thread uses it at a time.
public protocol Receiver: Sendable {
  var mode: ReceiveMode { get }
  /// Why `auto` did not choose a better mode; nil if it did not have to.
  var reason: String? { get }
  /// The sources that are dedicated: those asked for, or none if this kernel cannot drop packets beside packet capture.
  var dedicatedSources: Set<IPv4Address> { get }
  /// Why the sources could not be dedicated.
  var dedicationFault: Fault? { get }
  /// Whether a TCP checksum that a local sender left to the adapter (CHECKSUM_PARTIAL) is accepted.
  var acceptsPartialChecksums: Bool { get }
  /// A descriptor that is readable when replies may be waiting.
  var descriptor: Int32 { get }
  /// Sets the key of the cookies of the job in `slot`, or makes the slot inactive if it is nil. Replies with a cookie
  /// under the slot's earlier key are not valid from now on; those that were received before may still wait.
  ///
  /// Until a slot gets its first key, nothing is valid in it.
  func setKey(_ key: SipHashKey?, slot: Int)
  /// Passes at most `limit` waiting replies to `body`, which returns false to leave this reply and those behind it
  /// for later.
  ///
  /// - Returns: the number of packets handled. A receiver that reads other packets, too, counts them, so 0 means that
  ///   nothing waits or that `body` returned false at once.
  func drain(limit: Int, _ body: (Reply) -> Bool) throws(Fault) -> Int
  /// Maps the event ring, all of which counts as resident. Call it before the drop and before anything that needs the ring,
  /// and after what needs much memory for a moment.
  func mapRing() throws(Fault)
  /// How many more events fit into the event ring, and how many fit in all; nil if there is no such ring. Any thread may
  /// ask.
  var eventRoom: (free: Int, total: Int)? { get }
  /// Makes a generator's program callable through the attached program.
  ///
  /// - Returns: the attached program; nil if none is attached.
  func attach(generator program: Int32) throws(Fault) -> Int32?
  /// Returns the number of packets so far, by fate.
  func fates() throws(Fault) -> FateCounts
  /// Returns the number of valid replies so far in `slot`, by fate. All other fates are 0, because a packet that is
  /// not valid belongs to no job. A slot keeps its counts when its key changes.
  ///
  /// Replies that packet capture lost are in `fates()` only, because nobody knows whose they were.
  func fates(slot: Int) throws(Fault) -> FateCounts
}

extension Receiver {
  public var eventRoom: (free: Int, total: Int)? { nil }
  public func mapRing() {}

  /// Sets the key of slot 0, for a receiver of a single job.
  public func setKey(_ key: SipHashKey) { setKey(key, slot: 0) }
}

/// Opens a receiver and maps its event ring. `nil` is `auto`: native XDP, else generic XDP, else packet capture; the
/// receiver keeps the reason.
///
/// - Parameter mapsRing: false to leave that to the caller.
/// - Throws: a `Fault` if an explicit mode is unavailable, or if another program is attached.
public func openReceiver(
  _ settings: ReceiveSettings, mode: ReceiveMode?, mapsRing: Bool = true
) throws(Fault) -> any Receiver {
  let receiver = try openUnmappedReceiver(settings, mode)
  if mapsRing { try receiver.mapRing() }
  return receiver
}

private func openUnmappedReceiver(_ settings: ReceiveSettings, _ mode: ReceiveMode?) throws(Fault)
  -> any Receiver
{
  switch mode {
  case .xdpNative: return try openXDPReceiver(settings, mode: .native)
  case .xdpGeneric: return try openXDPReceiver(settings, mode: .generic)
  case .packet: return try PacketReceiver(settings)
  case nil: break
  }
  let first: Fault
  do throws(XDPReceiver.OpenError) {
    return try XDPReceiver(settings, mode: .native)
  } catch {
    // Do not fall back if another program is attached: the other modes see only the packets that it passes.
    guard error.isUnsupported else { throw error.fault }
    first = error.fault
  }
  do throws(XDPReceiver.OpenError) {
    return try XDPReceiver(settings, mode: .generic, reason: first.description)
  } catch {
    guard error.isUnsupported else { throw error.fault }
    return try PacketReceiver(settings, reason: error.fault.description)
  }
}

private func openXDPReceiver(_ settings: ReceiveSettings, mode: XDPMode) throws(Fault) -> XDPReceiver {
  do throws(XDPReceiver.OpenError) {
    return try XDPReceiver(settings, mode: mode)
  } catch {
    throw error.fault
  }
}
