// Which boot this is.
import Fleet
import Kernel

/// The boot of this kernel.
public enum Boot {
  private static let path = "/proc/sys/kernel/random/boot_id"

  /// A random ID that the kernel made at its start, as 36 characters.
  public static func id() throws(Fault) -> String {
    let text = String(decoding: try Files.read(path, limit: 128), as: UTF8.self)
    let id = text.filter { !$0.isWhitespace }
    guard id.utf8.count == 36 else {
      throw Fault("cannot read \(path)", detail: "found \(id.utf8.count) characters")
    }
    return id
  }

  /// Tells a disk in this boot from a copy of it, and from itself in another boot: 12 hexadecimal digits.
  public static func instance(_ bootID: String, disk: String) -> String {
    String(Digest(of: Array("\(bootID) \(disk)".utf8)).description.prefix(12))
  }
}
