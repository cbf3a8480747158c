// Links that are memory, not wire.

extension InterfaceState {
  /// Drivers that hand a frame on as its sender left it. A TCP on the same machine, or on the same host, leaves
  /// its checksum to the adapter there (Linux: CHECKSUM_PARTIAL), and so to nobody.
  private static let virtualDrivers: Set<String> = ["veth", "netkit", "virtio_net", "tun", "vif"]

  /// TCP checksums may be unfinished here. Not so behind a bridge, a VLAN or a macvlan: their driver does not
  /// say what lies below, and may be a physical NIC.
  public var isVirtualLink: Bool { driver.map(Self.virtualDrivers.contains) ?? false }
}
