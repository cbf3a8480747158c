// The scanner's signs of life to whoever started it: `synbox init`.
import Kernel
import NIC

/// One byte a second on a pipe, as long as the serving loop turns.
final class Heartbeat: Sendable {
  /// What a byte says.
  enum Sign: UInt8 {
    case alive = 0x2e  // .
    /// The first probe of this process has been handed over.
    case firstProbe = 0x70  // p
  }

  private let pipe: Descriptor

  /// - Parameter number: the inherited descriptor.
  init(_ number: Int32) throws(Fault) {
    pipe = try Descriptor.inherited(number)
  }

  /// A reader that has gone or is slow is no reason to stop.
  func send(_ sign: Sign) { pipe.write([sign.rawValue], within: 0) }

  /// The line on the console about what the box sends with.
  static func introduction(of station: Station) -> String {
    let nic = station.interface
    let rings = nic.rings.map { "rings \(Self.shown($0.rx))/\(Self.shown($0.tx)), " } ?? ""
    let channels = nic.channels
    let queues = channels?.combined?.current ?? channels?.tx?.current ?? nic.txQueues
    return "\(nic.name) is \(nic.driver ?? "without driver"), \(nic.mac), \(rings)\(queues) queues; "
      + station.modeLine.drop { $0 != ":" }.dropFirst(2)
  }

  private static func shown(_ bounded: Bounded?) -> String { bounded.map { "\($0.current)" } ?? "-" }
}
