// The driver of a network interface.
import CLinux

public enum InterfaceDriver {
  /// Returns the driver's name (`ETHTOOL_GDRVINFO`), for example `igb`; nil if the interface has none (`lo`).
  ///
  /// Uses the ioctl instead of /sys, which shows the network namespace of the process that mounted it.
  public static func name(of interface: String) throws(Errno) -> String? {
    let socket = Descriptor(
      owning: try syscall {
        CLinux.socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
      })
    let number = socket.number
    var name = [CChar](repeating: 0, count: 32)
    do throws(Errno) {
      try syscall { unsafe clinux_driver_name(number, interface, &name) }
    } catch {
      if error.number == EOPNOTSUPP { return nil }
      throw error
    }
    let text = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    return text.isEmpty ? nil : text
  }

  /// The number of processors online.
  public static var processors: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
