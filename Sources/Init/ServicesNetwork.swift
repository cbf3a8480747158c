// The network namespace of the services. The scanner's is PID 1's own, in which interfaces appear, because /sys and the
// kernel's modules know no other, and because that costs no time before the first probe.
import Kernel
import NIC

/// The namespace of the services, and the interfaces in it.
public final class ServicesNetwork {
  public let namespace: NetworkNamespace
  /// How many kernel settings are in force in it, and what is wrong with the others.
  public let settings: (inForce: Int, faults: [Fault])

  /// Makes the namespace and hardens it.
  public init() throws(Fault) {
    namespace = try NetworkNamespace.make()
    settings = try namespace.run { () throws(Fault) in KernelSetting.apply(KernelSetting.network) }
  }

  /// Moves an interface from the namespace of the calling thread into this one. It keeps its name if that is free.
  ///
  /// - Returns: its name here.
  public func take(_ name: String) throws(Fault) -> String {
    let control = try NetworkControl()
    let index = try control.link(of: name).index
    let taken = try interfaces()
    let newName = taken.contains(name) ? InterfaceSeparation.freeName(among: taken) : nil
    do throws(NetlinkError) {
      try control.move(index, to: namespace, as: newName)
    } catch {
      throw error.fault("cannot move \(name) to the network namespace of the services")
    }
    return newName ?? name
  }

  /// Returns the names of the interfaces here, apart from `lo`.
  public func interfaces() throws(Fault) -> [String] {
    try NetworkControl(in: namespace).interfaces(besides: "")
  }
}
