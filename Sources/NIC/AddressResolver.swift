// From IPv4 addresses on the link to MAC addresses, by ARP requests of our own (RFC 826).
import Kernel
import Wire

/// What bulk resolution found.
public struct ResolvedAddresses: Hashable, Sendable {
  public let found: [IPv4Address: MACAddress]
  /// Those that never answered, in the order asked.
  public let unresolved: [IPv4Address]
}

/// Resolves addresses on one interface's link.
///
/// Opening it needs CAP_NET_RAW; resolving needs nothing, so it can be opened early and used after the
/// capabilities are gone. It asks by itself, and not through the kernel, whose neighbour table holds
/// 1,024 entries by default (`gc_thresh3`).
public struct AddressResolver: ~Copyable {
  /// As many as a /16 has.
  public static let maximumAddresses = 65_536

  private let socket: ARPSocket
  private let interface: InterfaceState

  public init(_ interface: InterfaceState) throws(Fault) {
    do throws(Errno) {
      socket = try ARPSocket(interfaceIndex: interface.index)
    } catch {
      throw Fault(
        "cannot open an ARP socket on \(interface.name)", cause: error,
        remedy: error == .notPermitted ? "Run as root, or with CAP_NET_RAW" : nil)
    }
    self.interface = interface
  }

  /// The MAC address of one neighbour. `source` is the sender address of the request: one of the
  /// interface's own. Throws a `Fault` when it does not answer `tries` requests, `milliseconds` apart.
  public func resolve(
    _ address: IPv4Address, from source: IPv4Address, tries: Int = 3, milliseconds: Int = 1_000
  ) throws(Fault) -> MACAddress {
    let all = try resolve([address], from: source, tries: tries, milliseconds: milliseconds)
    guard let mac = all.found[address] else {
      throw Fault(
        "\(address) does not answer \(tries) ARP requests on \(interface.name)",
        remedy: "Is it on this network and switched on? Its MAC address can also be given")
    }
    return mac
  }

  /// The MAC addresses of up to 65,536 neighbours, at most `rate` requests a second in all; those that do
  /// not answer are asked `tries` times, `milliseconds` apart.
  public func resolve(
    _ addresses: [IPv4Address], from source: IPv4Address, rate: Int = 20_000, tries: Int = 3,
    milliseconds: Int = 1_000
  ) throws(Fault) -> ResolvedAddresses {
    precondition(addresses.count <= Self.maximumAddresses, "at most 65,536 addresses at once")
    precondition(rate > 0 && tries > 0 && milliseconds > 0, "a rate, tries and a time above zero")
    let limits = ARPSchedule.Limits(rate: rate, tries: tries, milliseconds: milliseconds)
    var schedule = ARPSchedule(addresses, limits: limits, now: Int(Clock.monotonic))
    var buffer = [UInt8](repeating: 0, count: 128)
    do throws(Errno) {
      while !schedule.isComplete {
        while let address = schedule.due(now: Int(Clock.monotonic)) {
          let request = ARPPacket.request(for: address, from: source, interface.mac)
          if try !socket.send(request.frame) {
            schedule.refuse()
            break
          }
          try receive(source, &buffer, into: &schedule)
        }
        // The last answer may be here already: a neighbour across a veth pair replies within the send.
        if schedule.isComplete { break }
        let pause = max(0, schedule.wake - Int(Clock.monotonic))
        _ = socket.wait(milliseconds: (pause + 999_999) / 1_000_000)
        try receive(source, &buffer, into: &schedule)
      }
    } catch {
      throw Fault(
        "cannot send ARP requests on \(interface.name)", cause: error,
        remedy: error.symbol == "ENETDOWN" ? "Bring it up: `ip link set \(interface.name) up`" : nil)
    }
    return ResolvedAddresses(found: schedule.found, unresolved: schedule.unresolved)
  }

  /// Takes what has arrived, 64 frames at most: a flood of ARP must not keep the requests from leaving.
  private func receive(
    _ source: IPv4Address, _ buffer: inout [UInt8], into schedule: inout ARPSchedule
  ) throws(Errno) {
    for _ in 0..<64 {
      guard let count = try socket.receive(into: &buffer) else { return }
      guard let packet = ARPPacket(frame: buffer.prefix(count)),
        packet.isReply(to: interface.mac, at: source)
      else { continue }
      schedule.learn(packet.senderAddress, packet.senderMAC)
    }
  }
}
