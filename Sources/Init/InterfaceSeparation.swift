// Which interface belongs into which network namespace. Pure.
import Kernel
import NIC

/// What becomes of the interfaces that PID 1 finds in its own namespace, which is the scanner's: all leave it but `lo`
/// and the scan NIC.
public struct InterfaceSeparation: Hashable, Sendable {
  /// An interface that moves to the namespace of the services.
  public struct Move: Hashable, Sendable {
    public let interface: String
    /// Nil to keep its name.
    public let newName: String?

    public init(_ interface: String, as newName: String? = nil) {
      self.interface = interface
      self.newName = newName
    }
  }

  public let moves: [Move]
  /// Why none of several becomes the management NIC.
  public let problem: Fault?

  /// - Parameters:
  ///   - interfaces: the names of all interfaces in the namespace.
  ///   - devices: those of them that belong to a hardware device.
  ///   - isFound: whether the scan NIC is there and has its name. Otherwise every interface stays that it could be.
  ///   - management: what the management NIC is; nil if there is to be none, or it has been found.
  public init(
    interfaces: [String], devices: [NetworkDevice], scan: InterfaceSettings, isFound: Bool,
    management: ManagementSettings? = nil
  ) {
    let candidates = devices.filter(scan.matches).map(\.name)
    let staying = Set(isFound ? [scan.name] : candidates).union(["lo"])
    let leaving = devices.filter { !staying.contains($0.name) }
    var chosen: String?
    var problem: Fault?
    if let management, leaving.contains(where: management.matches) {
      do throws(Fault) {
        chosen = try management.choose(among: leaving).name
      } catch {
        problem = error
      }
    }
    moves = interfaces.filter { !staying.contains($0) }.map {
      Move($0, as: $0 == chosen ? ManagementSettings.name : nil)
    }
    self.problem = problem
  }

  /// Returns the first of `nic0`, `nic1`, … that no interface has.
  static func freeName(among taken: some Collection<String>) -> String {
    var number = 0
    while taken.contains("nic\(number)") { number += 1 }
    return "nic\(number)"
  }
}
