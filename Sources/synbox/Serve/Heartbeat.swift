// Heartbeats from the scanner to the process that started it, which is `synbox init`.
import Engine
import Kernel
import NIC
import Supervision

/// Writes one byte a second to a pipe while the control thread makes progress.
final class Heartbeat: Sendable {
  private let pipe: Descriptor

  /// - Parameter number: an inherited descriptor.
  init(_ number: Int32) throws(Fault) {
    pipe = try Descriptor.inherited(number)
  }

  func sendAlive() { send(.alive) }

  func sendFirstProbe() { send(.firstProbe) }

  /// Drops a beat if the reader is slow or gone: neither is a reason to stop.
  private func send(_ beat: Beat) { pipe.write([beat.rawValue], within: 0) }

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
