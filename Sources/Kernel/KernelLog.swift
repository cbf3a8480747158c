// Writing to the kernel's log (/dev/kmsg, Documentation/ABI/testing/dev-kmsg).
import CLinux

/// An open /dev/kmsg. Each write is one record, so several threads may write.
public final class KernelLog: Sendable {
  /// The severities of RFC 5424, table 2.
  public enum Severity: Int, Sendable {
    case critical = 2
    case error, warning, notice, informational, debug
  }

  /// The longest line in bytes: what fits into a record, with room for its prefix.
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

  /// Writes a line, truncated to what a record holds. Ignores errors, because there is nowhere to report them.
  public func write(_ line: [UInt8], severity: Severity) {
    // Facility 1 is "user"; 0 is the kernel itself.
    var record = Array("<\(1 << 3 | severity.rawValue)>synbox: ".utf8) + line.prefix(Self.longest)
    if line.count > Self.longest {
      // Do not split a UTF-8 character.
      while let last = record.last, last & 0xc0 == 0x80 { record.removeLast() }
      if let last = record.last, last >= 0xc0 { record.removeLast() }
      record += Array("…".utf8)
    }
    record.append(UInt8(ascii: "\n"))
    try? file.writeAll(record)
  }
}
