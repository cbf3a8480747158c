// The network namespace of the services. The scanner's is PID 1's own, in which interfaces appear, because /sys and the
// kernel's modules know no other, and because that costs no time before the first probe.
import Kernel
import NIC

/// The namespace of the services, and the interfaces in it.
public final class ServicesNetwork {
  public let namespace: NetworkNamespace
  /// How many kernel settings are in force in it, and what is wrong with the others.
  public let settings: (inForce: Int, faults: [Fault])
  private let control: NetworkControl

  /// Makes the namespace and hardens it.
  public init() throws(Fault) {
    namespace = try NetworkNamespace.make()
    settings = try namespace.run { () throws(Fault) in KernelSetting.apply(KernelSetting.network) }
    control = try NetworkControl(in: namespace)
  }

  /// Moves an interface from the namespace of the calling thread into this one. It keeps its name if that is free.
  ///
  /// - Returns: its name here.
  public func take(_ name: String, as wanted: String? = nil) throws(Fault) -> String {
    let outside = try NetworkControl()
    let index = try outside.link(of: name).index
    let taken = try interfaces()
    let newName = wanted ?? (taken.contains(name) ? InterfaceSeparation.freeName(among: taken) : nil)
    do throws(NetlinkError) {
      try outside.move(index, to: namespace, as: newName)
    } catch {
      throw error.fault("cannot move \(name) to the network namespace of the services")
    }
    return newName ?? name
  }

  /// Returns the names of the interfaces here, apart from `lo`.
  public func interfaces() throws(Fault) -> [String] { try control.interfaces(besides: "") }

  /// Returns the state of an interface here; nil if there is none of this name.
  public func link(of name: String) throws(Fault) -> InterfaceState? {
    try interfaces().contains(name) ? control.link(of: name) : nil
  }

  /// Hardens an interface and brings it up.
  ///
  /// - Returns: as `settings`.
  public func bringUp(_ name: String) throws(Fault) -> (inForce: Int, faults: [Fault]) {
    let settings = try namespace.run { () throws(Fault) in
      KernelSetting.apply(KernelSetting.hardening(of: name))
    }
    try control.bringUp(name, gateway: nil)
    return settings
  }

  /// Gives an interface exactly this configuration; none if it is nil. Repeats nothing that is in force.
  public func configure(_ name: String, _ configuration: NetworkConfiguration?) throws(Fault) {
    let index = try control.link(of: name).index
    do throws(NetlinkError) {
      if configuration?.gateway == nil { try control.removeDefaultRoute(out: index) }
      for old in try control.addresses(of: index) where old != configuration?.address {
        try control.removeAddress(old, from: index)
      }
      guard let configuration else { return }
      try control.ensureAddress(configuration.address, of: index)
      if let gateway = configuration.gateway { try control.setDefaultRoute(via: gateway, out: index) }
    } catch {
      throw error.fault("cannot configure \(name)")
    }
  }
}
