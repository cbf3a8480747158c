// The kernel's log as a place to write to (/dev/kmsg, Documentation/ABI/testing/dev-kmsg).
import CLinux

/// An open /dev/kmsg. Each call is one record, so several threads may write.
public final class KernelLog: Sendable {
  /// RFC 5424, table 2.
  public enum Severity: Int, Sendable {
    case critical = 2
    case error, warning, notice, informational, debug
  }

  /// Bytes of a record that the kernel takes whole, with room for its prefix.
  static let longest = 900

  private let file: Descriptor

  public init() throws(Fault) {
    let number = unsafe clinux_open("/dev/kmsg", O_WRONLY | O_CLOEXEC, 0)
    guard number >= 0 else {
      throw Fault(
        "cannot open the kernel's log", cause: .last, remedy: "Log to standard error instead")
    }
    file = Descriptor(owning: number)
  }

  /// Writes a line, cut to what a record holds. What the kernel refuses is lost: there is nobody left to
  /// tell.
  public func write(_ line: [UInt8], severity: Severity) {
    // Facility 1, user: what comes from the kernel itself has 0.
    var record = Array("<\(1 << 3 | severity.rawValue)>synbox: ".utf8) + line.prefix(Self.longest)
    if line.count > Self.longest {
      // No half character at the end.
      while let last = record.last, last & 0xc0 == 0x80 { record.removeLast() }
      if let last = record.last, last >= 0xc0 { record.removeLast() }
      record += Array("…".utf8)
    }
    record.append(UInt8(ascii: "\n"))
    try? file.writeAll(record)
  }
}
