// The licence of a fleet's box: what its agent allows it to send, until when.
import Kernel
import Plan
import Settings

/// The contents of a licence, a TOML file.
struct Licence: Hashable, Sendable {
  fileprivate var version = 0
  /// The boot that `expires` refers to, as /proc/sys/kernel/random/boot_id names it.
  fileprivate(set) var bootID = ""
  /// Probes per second of all jobs together; 0 for none.
  fileprivate(set) var rate = 0
  /// CLOCK_BOOTTIME, nanoseconds.
  fileprivate(set) var expires = 0
  /// The number of the deny list; it only grows.
  fileprivate(set) var denySequence = 0
  /// SHA-256 of the deny list's bytes, 64 hexadecimal digits.
  fileprivate(set) var denySHA256 = ""

  /// Bytes.
  static let maximumSize = 4096

  fileprivate init() {}

  /// Reads a licence.
  ///
  /// - Parameters:
  ///   - path: names the file in errors.
  ///   - bootID: the running kernel's.
  init(_ bytes: [UInt8], path: String, bootID: String) throws(InputError) {
    let table = StrictTable(try TOMLDocument(bytes, file: path, maximumSize: Self.maximumSize))
    self.init()
    // First: another version may have other keys.
    try Self.settings.read(only: "version", of: table, into: &self)
    try Self.settings.read(table, into: &self)
    guard self.bootID == bootID else {
      throw table.error(
        "boot-id", found: "\"\(self.bootID)\"",
        expected: "\"\(bootID)\", this boot's: an older licence tells nothing about the time now")
    }
  }

  private static let settings = SettingsTable<Licence>([
    Setting(
      "version", \.version,
      SettingSyntax("1") { field throws(InputError) in
        guard field.value.integer == 1 else {
          throw field.wrong("1, the version that this synbox reads")
        }
        return 1
      }, default: .required("1"), "the version of the format"),
    Setting(
      "boot-id", \.bootID, .text, default: .required("\"…\", the kernel's"),
      "the boot that `expires` refers to"),
    Setting(
      "rate", \.rate, .integer(0...Int(PacketRate.maximum)), default: .required("a number"),
      "probes per second; 0 for none"),
    Setting(
      "expires", \.expires, .integer(0...Int.max), default: .required("a number"),
      "CLOCK_BOOTTIME in nanoseconds"),
    Setting(
      "deny-sequence", \.denySequence, .integer(0...Int.max), default: .required("a number"),
      "the number of the deny list"),
    Setting(
      "deny-sha256", \.denySHA256,
      .text("a SHA-256 of 64 hexadecimal digits, in lower case") { text in
        text.wholeMatch(of: /[0-9a-f]{64}/) == nil ? nil : text
      }, default: .required("a SHA-256"), "SHA-256 of the deny list"),
  ])
}
