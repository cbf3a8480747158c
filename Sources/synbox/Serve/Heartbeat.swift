// Heartbeats from the scanner to the process that started it, which is `synbox init`.
import Engine
import Kernel
import NIC

/// Writes one byte a second to a pipe while the control thread makes progress.
final class Heartbeat: Sendable {
  /// The meaning of a byte.
  enum Beat: UInt8 {
    case alive = 0x2e  // .
    /// This process has sent its first probe.
    case firstProbe = 0x70  // p
  }

  private let pipe: Descriptor

  /// - Parameter number: an inherited descriptor.
  init(_ number: Int32) throws(Fault) {
    pipe = try Descriptor.inherited(number)
  }

  /// Sends a beat, and drops it if the reader is slow or gone: neither is a reason to stop.
  func send(_ beat: Beat) { pipe.write([beat.rawValue], within: 0) }

  /// Returns the console line that describes the NIC and how the box sends and receives.
  static func consoleLine(of station: Station) -> String {
    let nic = station.interface
    let rings = nic.rings.map { "rings \(Self.current($0.rx))/\(Self.current($0.tx)), " } ?? ""
    let channels = nic.channels
    let queues = channels?.combined?.current ?? channels?.tx?.current ?? nic.txQueues
    return "\(nic.name) is \(nic.driver ?? "without driver"), \(nic.mac), \(rings)\(queues) queues; "
      + station.modeLine.drop { $0 != ":" }.dropFirst(2)
  }

  private static func current(_ bounded: Bounded?) -> String { bounded.map { "\($0.current)" } ?? "-" }
}
