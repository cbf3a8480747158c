// An XDP program attached by a bpf_link, which ends when its descriptor is closed, so that a crash leaves nothing
// attached.
import CLinux

/// Where an XDP program runs.
public enum XDPMode: String, Sendable, CaseIterable {
  /// In the driver, before an skb exists.
  case native
  /// In the network core, on skbs. Slower, but works on every interface.
  case generic

  var flags: UInt32 { self == .native ? UInt32(XDP_FLAGS_DRV_MODE) : UInt32(XDP_FLAGS_SKB_MODE) }
}

/// Keeps a program attached until it goes out of scope.
public struct XDPLink: ~Copyable, Sendable {
  public let mode: XDPMode
  private let link: Descriptor

  /// Attaches `program`.
  ///
  /// - Throws: EOPNOTSUPP for a driver without native XDP; EBUSY or EEXIST if another program is attached.
  public init(program: Int32, interface: Int32, mode: XDPMode) throws(Errno) {
    let number = clinux_xdp_link(program, interface, mode.flags)
    guard number >= 0 else { throw Errno(-number) }
    self.mode = mode
    link = Descriptor(owning: number)
  }

  /// Returns the mode of the program attached to an interface; nil if there is none.
  public static func attachedMode(interface: Int32) throws(Errno) -> XDPMode? {
    let mode = clinux_xdp_mode(interface)
    guard mode >= 0 else { throw Errno(-mode) }
    switch Int(mode) {
    case Int(XDP_ATTACHED_DRV): return .native
    case Int(XDP_ATTACHED_SKB): return .generic
    default: return nil
    }
  }
}
