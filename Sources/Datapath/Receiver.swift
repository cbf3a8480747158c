// What every way of receiving has in common, and how one is chosen.
import Kernel
import Wire

/// The ways to receive, as they are named on the command line and in the summary.
public enum ReceiveMode: String, Sendable, CaseIterable {
  /// The XDP program in the driver.
  case xdpNative = "xdp-native"
  /// The XDP program in the network core.
  case xdpGeneric = "xdp-generic"
  /// AF_PACKET capture, classified in user space.
  case packet
}

/// What the receive side must know before it is opened.
public struct ReceiveSettings: Sendable {
  public var interface: Int32
  public var interfaceName: String
  /// Our addresses: packets to any other are passed on untouched.
  public var sources: [IPv4Address]
  /// Those of them that this host's own kernel answers for.
  public var localSources: Set<IPv4Address>
  public var ports: ClosedRange<UInt16>
  public var reset: ResetMethod
  public var reportClosed: Bool
  public var reportICMP: Bool
  /// A generator will run through the XDP program.
  public var generator: Bool
  /// The link is virtual: TCP checksums of local senders may be left to an adapter that there is not.
  public var partialChecksums: Bool
  /// Bytes of the event ring, a power of two and a multiple of the page.
  public var ringBytes: UInt32

  public init(
    interface: Int32, interfaceName: String, sources: [IPv4Address],
    localSources: Set<IPv4Address>, ports: ClosedRange<UInt16>, reset: ResetMethod, reportClosed: Bool,
    reportICMP: Bool, generator: Bool = false, partialChecksums: Bool = false,
    ringBytes: UInt32 = 1 << 22
  ) {
    self.interface = interface
    self.interfaceName = interfaceName
    self.sources = sources
    self.localSources = localSources
    self.ports = ports
    self.reset = reset
    self.reportClosed = reportClosed
    self.reportICMP = reportICMP
    self.generator = generator
    self.partialChecksums = partialChecksums
    self.ringBytes = ringBytes
  }
}

/// One open receive side. Used by one thread.
public protocol Receiver: Sendable {
  var mode: ReceiveMode { get }
  /// Why not a better mode, where `auto` had to go on to this one.
  var reason: String? { get }
  /// Who sends the RST after a SYN-ACK.
  var reset: ResetMethod { get }
  /// Believed is also a TCP checksum that a local sender left to the adapter; else only a correct one.
  var acceptsPartialChecksums: Bool { get }
  /// Readable when replies may be waiting.
  var descriptor: Int32 { get }
  /// From now on only replies under this key are believed.
  func setKey(_ key: SipHashKey)
  /// Hands waiting replies to `body`, at most `limit`; how many. `body` returns false to leave this reply
  /// and what follows for later. A receiver that must look at other packets too counts those: 0 means that
  /// nothing waits, or that `body` wants no more.
  func drain(limit: Int, _ body: (Reply) -> Bool) throws(Fault) -> Int
  /// Lets a generator's program run through the attached program, and returns that one; nil where none is
  /// attached.
  func attach(generator program: Int32) throws(Fault) -> Int32?
  /// All packets so far by fate.
  func fates() throws(Fault) -> FateCounts
}

/// Opens what was asked for; `nil` is `auto`: native, else generic, else packet capture, and the reason is
/// kept. An explicit mode that cannot be had is a fault.
public func openReceiver(_ settings: ReceiveSettings, mode: ReceiveMode?) throws(Fault)
  -> any Receiver
{
  switch mode {
  case .xdpNative: return try XDPReceiver(settings, mode: .native)
  case .xdpGeneric: return try XDPReceiver(settings, mode: .generic)
  case .packet: return try PacketReceiver(settings)
  case nil: break
  }
  let first: Fault
  do throws(Fault) {
    return try XDPReceiver(settings, mode: .native)
  } catch {
    // Another program on the NIC is not a missing ability: going round it would read its leavings.
    guard XDPReceiver.meansUnsupported(error) else { throw error }
    first = error
  }
  do throws(Fault) {
    return try XDPReceiver(settings, mode: .generic, reason: first.description)
  } catch {
    guard XDPReceiver.meansUnsupported(error) else { throw error }
    return try PacketReceiver(settings, reason: error.description)
  }
}
