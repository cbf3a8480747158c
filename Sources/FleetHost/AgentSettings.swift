// agent.toml: every key with its type, default and documentation.
import Kernel
import Plan
import Settings

/// The configuration of the agent.
public struct AgentSettings: Sendable {
  /// The data directory.
  public var data = ""
  /// The directory with the box's identity in the fleet.
  public var identity = ""
  /// Shards that are not finished, at one time.
  public var shards = 2
  public var user: Credentials?

  /// Bytes of the file.
  public static let maximumSize = 1 << 16

  /// - Throws: an `InputError` with the place of the first mistake.
  public init(_ bytes: [UInt8], file: String) throws(InputError) {
    let document = try TOMLDocument(bytes, file: file, maximumSize: Self.maximumSize)
    self.init()
    try Self.settings.read(StrictTable(document), into: &self)
  }

  init() {}

  static let settings = SettingsTable<AgentSettings>([
    Setting(
      "data", \.data, .path, default: .required("a path such as \"/data\""),
      "the data directory, the same as the scanner's"),
    Setting(
      "identity", \.identity, .path, default: .required("a path such as \"/etc/synbox/fleet\""),
      "the directory that `synboxctl fleet init` made for this box"),
    Setting(
      "shards", \.shards, .integer(1...16),
      "the most shards that the box works on before it has results of one; with two, one waits while the other is scanned"
    ),
    Setting(
      "user", \.user,
      .text("a user that is not root, as \"UID:GID\" such as \"60903:60901\"", { Self.user($0) }),
      default: "60903:60901", "the user and group to run as when started as root"),
  ])

  /// The table of the reference page.
  package static var table: String {
    settings.markdown(
      of: AgentSettings(),
      [(.key, "key"), (.type, "type"), (.standard, "default"), (.meaning, "meaning")])
  }

  private static func user(_ text: String) -> Credentials? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { UInt32($0) }.filter { $0 != 0 && $0 != .max }
    guard (1...2).contains(parts.count), numbers.count == parts.count,
      zip(parts, numbers).allSatisfy({ $0 == "\($1)" })
    else { return nil }
    return Credentials(uid: numbers[0], gid: numbers[numbers.count - 1])
  }
}
