// Whether frames that a zero-copy socket takes really leave: some drivers complete frames that never do.
import Datapath
import Kernel
import NIC
import Wire

/// Asks a neighbour by ARP through each zero-copy socket. A reply proves that frames leave.
struct ZeroCopyTrial {
  enum Outcome: Hashable, Sendable {
    /// The neighbour replied to every socket.
    case proven(IPv4Address)
    /// The neighbour replies to a request sent by an ordinary socket, and not to one sent through that of a queue.
    case lost(IPv4Address, queue: UInt32)
    /// Nothing can be said, and why.
    case untried(String)

    var sentence: String {
      switch self {
      case .proven(let neighbour): "\(neighbour) replied to a request sent by AF_XDP zero-copy"
      case .lost(let neighbour, let queue):
        "frames sent by AF_XDP zero-copy on queue \(queue) do not leave: \(neighbour) replies only to requests sent otherwise"
      case .untried(let reason): "AF_XDP zero-copy could not be tried: \(reason)"
      }
    }
  }

  private let outcome: Outcome

  init(
    _ transmitters: [any Transmitter], _ context: TransmitContext, _ control: borrowing NetworkControl
  ) throws(Fault) {
    guard let (neighbour, source) = try Self.neighbour(context, control) else {
      outcome = .untried("no gateway and no neighbour is known on \(context.interface.name)")
      return
    }
    let resolver = try AddressResolver(context.interface)
    for case let transmitter as XDPTransmitter in transmitters {
      let isHeard = try resolver.replies(neighbour, from: source) { frame throws(Fault) in
        try transmitter.send(frame: frame)
      }
      if isHeard { continue }
      let reply = try resolver.askGateway(
        neighbour, from: source, pin: nil, tries: 3, milliseconds: 300)
      outcome =
        reply.mac == nil
        ? .untried("\(neighbour) does not reply to ARP requests")
        : .lost(neighbour, queue: transmitter.queue)
      return
    }
    outcome = .proven(neighbour)
  }

  /// Whom to ask, from which address: the gateway of the default route or, without one, a neighbour that the kernel knows.
  private static func neighbour(_ context: TransmitContext, _ control: borrowing NetworkControl)
    throws(Fault) -> (IPv4Address, IPv4Address)?
  {
    let interface = context.interface
    guard let first = interface.addresses.first else { return nil }
    func source(_ neighbour: IPv4Address) -> IPv4Address {
      (interface.addresses.first { $0.contains(neighbour) } ?? first).address
    }
    // An address of documentation (RFC 5737) has no other route than the default one.
    let far = IPv4Address(198 << 24 | 51 << 16 | 100 << 8 | 1)
    if let gateway = (try? control.route(to: far, via: interface))?.gateway {
      return (gateway, source(gateway))
    }
    let known = try control.neighbours(of: interface).keys.min()
    return known.map { ($0, source($0)) }
  }

  /// The evidence that frames leave. Throws a `Fault` if there is none.
  func evidence() throws(Fault) -> String {
    if case .proven = outcome { return outcome.sentence }
    throw Fault(outcome.sentence)
  }

  /// What is known. Throws a `Fault` if frames are known to be lost.
  func conclusion() throws(Fault) -> String {
    if case .lost = outcome {
      throw Fault(outcome.sentence, remedy: "Use --transmit auto, which chooses another mode")
    }
    return outcome.sentence
  }
}
