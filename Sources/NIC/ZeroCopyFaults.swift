// Drivers whose AF_XDP zero-copy does not work.
import Kernel

extension InterfaceState {
  /// Why zero-copy transmission can lose frames although the driver reports it; nil if no defect is known.
  ///
  /// virtio_net (Linux 6.13 to at least 7.3) maps the frames' virtio header, a static variable, with `dma_map_single`. In
  /// a loadable module that variable is outside the direct mapping, so the device reads the header from a wrong address.
  /// Unless it finds zeros there, QEMU drops each frame and reports it as sent.
  public var zeroCopyFault: String? {
    guard driver == "virtio_net", xdpFeatures?.contains(.xskZeroCopy) == true,
      Files.kind(of: "/sys/module/virtio_net/initstate") != nil
    else { return nil }
    return "virtio_net built as a module maps the zero-copy header at a wrong address, "
      + "so all frames can be lost unnoticed"
  }
}
