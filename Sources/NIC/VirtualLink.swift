// Which links are virtual.

extension InterfaceState {
  /// Drivers that pass frames on unchanged. A sender on the same host leaves TCP checksums to the NIC
  /// (CHECKSUM_PARTIAL), and on these links nothing completes them.
  private static let virtualDrivers: Set<String> = ["veth", "netkit", "virtio_net", "tun", "vif"]

  /// Whether received frames can have incomplete TCP checksums. False for a bridge, a VLAN and a macvlan, because their
  /// lower device may be a physical NIC.
  public var isVirtualLink: Bool { driver.map(Self.virtualDrivers.contains) ?? false }
}
