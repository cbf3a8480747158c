// Resolves IPv4 addresses on the link to MAC addresses with ARP requests of its own (RFC 826).
import Kernel
import Wire

/// The result of a bulk resolution.
public struct ResolvedAddresses: Hashable, Sendable {
  public let found: [IPv4Address: MACAddress]
  /// Addresses without a reply, in the order requested.
  public let unresolved: [IPv4Address]
  /// Other MAC addresses that replied for an address than the one in `found`, or than the pinned one.
  public let conflicts: [IPv4Address: MACAddress]
}

/// What a gateway replied.
public struct GatewayReply: Hashable, Sendable {
  /// The pinned MAC address if it replied, or the first that did if none was pinned.
  public let mac: MACAddress?
  /// Another MAC address that replied.
  public let rival: MACAddress?
}

/// Resolves addresses on one interface's link.
///
/// Opening it needs CAP_NET_RAW. Resolving needs no capability, so a resolver opened early still works after the drop.
/// It sends its own requests because the kernel's neighbour table is limited to 1,024 entries by default
/// (`gc_thresh3`).
public struct AddressResolver: ~Copyable {
  /// The number of addresses in a /16.
  public static let maximumAddresses = 65_536

  private let socket: FrameSocket
  private let interface: InterfaceState

  /// Opens an ARP socket. Throws a `Fault` without CAP_NET_RAW.
  public init(_ interface: InterfaceState) throws(Fault) {
    do throws(Errno) {
      socket = try FrameSocket(.arp, interfaceIndex: interface.index)
    } catch {
      throw Fault(
        "cannot open an ARP socket on \(interface.name)", cause: error,
        remedy: error == .notPermitted ? "Run as root, or with CAP_NET_RAW" : nil)
    }
    self.interface = interface
  }

  /// Returns the MAC address of one neighbour. Throws a `Fault` if it does not reply.
  ///
  /// - Parameters:
  ///   - source: The sender address of the requests, one of the interface's own.
  ///   - tries: The maximum number of requests.
  ///   - milliseconds: The time to wait for a reply to each.
  public func resolve(
    _ address: IPv4Address, from source: IPv4Address, tries: Int = 3, milliseconds: Int = 1_000
  ) throws(Fault) -> MACAddress {
    let all = try resolve([address], from: source, tries: tries, milliseconds: milliseconds)
    guard let mac = all.found[address] else { throw silence(of: address, tries: tries) }
    return mac
  }

  /// The fault that an address did not reply.
  func silence(of address: IPv4Address, tries: Int = 3) -> Fault {
    Fault(
      "\(address) does not reply to \(tries) ARP requests on \(interface.name)",
      remedy: "Check that it is on this network and running, or set its MAC address")
  }

  /// Asks a gateway for its MAC address. Listens on for a moment, because someone else may reply, too.
  ///
  /// - Parameters:
  ///   - pin: The MAC address that the gateway had so far. Another one is a rival, however early it replies.
  ///   - tries, milliseconds: As in `resolve`.
  public func askGateway(
    _ address: IPv4Address, from source: IPv4Address, pin: MACAddress?, tries: Int = 3,
    milliseconds: Int = 1_000
  ) throws(Fault) -> GatewayReply {
    let all = try resolve(
      [address], pins: pin.map { [address: $0] } ?? [:], from: source, tries: tries,
      milliseconds: milliseconds, listening: 50)
    return GatewayReply(mac: all.found[address], rival: all.conflicts[address])
  }

  /// Returns whether a neighbour replies to requests that are sent in another way than by this resolver.
  ///
  /// - Parameters:
  ///   - milliseconds: The time to wait for a reply to each request.
  ///   - send: Sends an Ethernet frame, without padding.
  public func replies(
    _ address: IPv4Address, from source: IPv4Address, tries: Int = 3, milliseconds: Int = 300,
    sending send: ([UInt8]) throws(Fault) -> Void
  ) throws(Fault) -> Bool {
    let frame = ARPPacket.request(for: address, from: source, interface.mac).frame
    var buffer = [UInt8](repeating: 0, count: 128)
    // A reply to somebody else's earlier request is no answer.
    while (try? socket.receive(into: &buffer)) ?? nil != nil {}
    for _ in 0..<tries {
      try send(frame)
      let end = Clock.monotonic + UInt64(milliseconds) * 1_000_000
      while case let now = Clock.monotonic, now < end {
        _ = socket.wait(milliseconds: Int((end - now + 999_999) / 1_000_000))
        while let count = (try? socket.receive(into: &buffer)) ?? nil {
          guard let packet = ARPPacket(frame: buffer.prefix(count)),
            packet.isReply(to: interface.mac, at: source), packet.senderAddress == address
          else { continue }
          return true
        }
      }
    }
    return false
  }

  /// Returns the MAC addresses of up to `maximumAddresses` neighbours. Sends at most `rate` requests per second, and up
  /// to `tries` requests, `milliseconds` apart, to each neighbour that does not reply.
  ///
  /// - Parameters:
  ///   - pins: The only MAC addresses to accept, for the addresses that have one here.
  ///   - listening: Milliseconds for which to listen on for conflicting replies.
  public func resolve(
    _ addresses: [IPv4Address], pins: [IPv4Address: MACAddress] = [:], from source: IPv4Address,
    rate: Int = 20_000, tries: Int = 3, milliseconds: Int = 1_000, listening: Int = 0
  ) throws(Fault) -> ResolvedAddresses {
    precondition(addresses.count <= Self.maximumAddresses, "at most 65,536 addresses at once")
    precondition(rate > 0 && tries > 0 && milliseconds > 0, "rate, tries and time must be positive")
    let limits = ARPSchedule.Limits(rate: rate, tries: tries, timeoutMilliseconds: milliseconds)
    var schedule = ARPSchedule(addresses, pins: pins, limits: limits, now: Int(Clock.monotonic))
    var buffer = [UInt8](repeating: 0, count: 128)
    do throws(Errno) {
      while !schedule.isComplete {
        while let address = schedule.due(now: Int(Clock.monotonic)) {
          let request = ARPPacket.request(for: address, from: source, interface.mac)
          if try !socket.send(request.frame) {
            schedule.retryLast()
            break
          }
          try receive(source, &buffer, into: &schedule)
        }
        // The last reply may be here already: a neighbour across a veth pair replies within send(2).
        if schedule.isComplete { break }
        let pause = max(0, schedule.wake - Int(Clock.monotonic))
        _ = socket.wait(milliseconds: (pause + 999_999) / 1_000_000)
        try receive(source, &buffer, into: &schedule)
      }
      let end = Clock.monotonic + UInt64(listening) * 1_000_000
      while case let now = Clock.monotonic, now < end {
        _ = socket.wait(milliseconds: Int((end - now + 999_999) / 1_000_000))
        try receive(source, &buffer, into: &schedule)
      }
    } catch {
      throw Fault(
        "cannot send ARP requests on \(interface.name)", cause: error,
        remedy: error.symbol == "ENETDOWN" ? "Bring it up: `ip link set \(interface.name) up`" : nil)
    }
    return ResolvedAddresses(
      found: schedule.found, unresolved: schedule.unresolved,
      conflicts: schedule.conflicts)
  }

  /// Receives at most 64 frames, so that a flood of ARP cannot delay the requests.
  private func receive(
    _ source: IPv4Address, _ buffer: inout [UInt8], into schedule: inout ARPSchedule
  ) throws(Errno) {
    for _ in 0..<64 {
      guard let count = try socket.receive(into: &buffer) else { return }
      guard let packet = ARPPacket(frame: buffer.prefix(count)),
        packet.isReply(to: interface.mac, at: source)
      else { continue }
      schedule.record(packet.senderAddress, packet.senderMAC)
    }
  }
}
