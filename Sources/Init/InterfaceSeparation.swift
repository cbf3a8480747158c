// Which interface belongs into which network namespace. Pure.
import NIC

/// What becomes of the interfaces that PID 1 finds in its own namespace, which is the scanner's: all leave it but `lo`
/// and the scan NIC.
public struct InterfaceSeparation: Hashable, Sendable {
  /// The interfaces that move to the namespace of the services.
  public let moves: [String]

  /// - Parameters:
  ///   - interfaces: the names of all interfaces in the namespace.
  ///   - devices: those of them that belong to a hardware device.
  ///   - isFound: whether the scan NIC is there and has its name. Otherwise every interface stays that it could be.
  public init(
    interfaces: [String], devices: [NetworkDevice], scan: InterfaceSettings, isFound: Bool
  ) {
    let candidates = devices.filter(scan.matches).map(\.name)
    let staying = Set(isFound ? [scan.name] : candidates).union(["lo"])
    moves = interfaces.filter { !staying.contains($0) }
  }

  /// Returns the first of `nic0`, `nic1`, … that no interface has.
  static func freeName(among taken: some Collection<String>) -> String {
    var number = 0
    while taken.contains("nic\(number)") { number += 1 }
    return "nic\(number)"
  }
}
