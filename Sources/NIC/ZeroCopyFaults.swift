// Drivers that offer AF_XDP zero-copy and cannot be relied on for it.
import Kernel

extension InterfaceState {
  /// Why frames may not leave that are sent by zero-copy, though the driver reports it; nil where nothing is known.
  ///
  /// virtio_net (Linux 6.13 to 7.3 at least) maps the header of all such frames for the device by `dma_map_single`. The
  /// header is a variable of the driver's own; where that is a loadable module it lies outside the direct mapping, so
  /// the device reads it at an address where anything may lie. Is it not zero, QEMU discards each frame and confirms it
  /// as sent.
  public var zeroCopyFault: String? {
    guard driver == "virtio_net", xdpFeatures?.contains(.xskZeroCopy) == true,
      Files.kind(of: "/sys/module/virtio_net/initstate") != nil
    else { return nil }
    return "virtio_net as a module has the device read zero-copy's header at a wrong address, "
      + "so that all frames may be lost unnoticed"
  }
}
