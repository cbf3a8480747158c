// Services of a boot test, which look at the network namespaces from within.
import Confinement
import Kernel

extension ServiceSpecification {
  /// Two services, one in each network namespace, that ask for an interface which is not there. The error names those
  /// that are.
  static let listingInterfaces = [
    listing("interfaces beside the scanner", .own, asking: "none"),
    listing("interfaces of the services", .services, asking: "scan0"),
  ]

  private static func listing(_ name: String, _ network: Network, asking interface: String) -> Self {
    let user = Credentials(uid: 60_999, gid: 60_999)
    return Self(
      name: name, program: "/bin/synbox", arguments: ["nic", "show", "--interface", interface],
      drop: .byHelper(StartRules(user: user, executable: ["/bin/synbox"])), network: network,
      timing: ServiceTiming(heartbeatSeconds: nil))
  }
}
