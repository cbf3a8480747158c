// manage.toml: every key with its type, default and documentation.
import Plan
import Settings
import Support

/// Where the service listens.
public struct ListenPlace: Hashable, Sendable, CustomStringConvertible {
  public enum Host: Hashable, Sendable {
    /// An IPv4 address, in host byte order.
    case address(UInt32)
    /// The first IPv4 address of an interface, at the start.
    case interface(String)
  }

  public static let standardPort: UInt16 = 8443

  public let host: Host
  public let port: UInt16

  /// Parses `ADDRESS:PORT`, `INTERFACE:PORT`, or either without a port; nil for anything else.
  public init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), let name = parts.first, !name.isEmpty else { return nil }
    if parts.count == 2 {
      guard parts[1].utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
        let port = UInt16(parts[1]), port > 0
      else { return nil }
      self.port = port
    } else {
      port = Self.standardPort
    }
    if let address = Self.address(name) {
      host = .address(address)
    } else {
      // 15 bytes, as netdevice(7) has it.
      let isName =
        name.utf8.count <= 15 && name.contains(where: \.isLetter)
        && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/") }
      guard isName else { return nil }
      host = .interface(String(name))
    }
  }

  /// Dotted decimal without leading zeros.
  private static func address(_ text: Substring) -> UInt32? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { UInt8($0) }
    guard parts.count == 4, numbers.count == 4, zip(parts, numbers).allSatisfy({ $0 == "\($1)" }) else {
      return nil
    }
    return numbers.reduce(0) { $0 << 8 | UInt32($1) }
  }

  public var description: String {
    switch host {
    case .address(let value):
      stride(from: 24, through: 0, by: -8).map { String(value >> UInt32($0) & 0xff) }
        .joined(separator: ".") + ":\(port)"
    case .interface(let name): "\(name):\(port)"
    }
  }
}

/// A user by numbers; neither may be root's.
public struct ServiceUser: Hashable, Sendable, CustomStringConvertible {
  /// Neither Debian nor systemd assigns it, as with the box's 60900.
  public static let standard = ServiceUser(uid: 60_901, gid: 60_901)

  public let uid: UInt32
  public let gid: UInt32

  private init(uid: UInt32, gid: UInt32) {
    self.uid = uid
    self.gid = gid
  }

  /// Parses `UID:GID`, or one number for both; nil for anything else.
  public init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    // 2^32 - 1 means "unchanged" to setresuid(2).
    let numbers = parts.compactMap { UInt32($0) }.filter { $0 != 0 && $0 != .max }
    guard (1...2).contains(parts.count), numbers.count == parts.count,
      zip(parts, numbers).allSatisfy({ $0 == "\($1)" })
    else { return nil }
    self.init(uid: numbers[0], gid: numbers[numbers.count - 1])
  }

  public var description: String { "\(uid):\(gid)" }
}

/// The configuration of the service.
public struct ManageSettings: Sendable {
  /// The data directory.
  public var data = ""
  public var listen: [ListenPlace] = []
  public var tokens = ""
  /// nil for one that the service makes.
  public var certificate: String?
  public var key: String?
  public var clientCA: String?
  /// Bytes of a target file.
  public var uploadLimit = 2 << 30
  public var inBand = false
  public var connections = 1200
  public var connectionsPerAddress = 256
  public var attemptsPerMinute = 10
  public var user: ServiceUser?

  /// Bytes of the file.
  public static let maximumSize = 1 << 16

  /// - Throws: an `InputError` with the place of the first mistake.
  public init(_ bytes: [UInt8], file: String) throws(InputError) {
    let document = try TOMLDocument(bytes, file: file, maximumSize: Self.maximumSize)
    self.init()
    try Self.settings.read(StrictTable(document), into: &self)
  }

  init() {}

  static let settings = SettingsTable<ManageSettings>(
    files + limits,
    check: { settings, table throws(InputError) in
      guard (settings.certificate == nil) == (settings.key == nil) else {
        let missing = settings.key == nil ? "key" : "certificate"
        throw table.missing(missing, "\"PATH\", because the other of certificate and key is given")
      }
      guard !settings.listen.isEmpty else {
        throw table.error("listen", found: "an empty list", expected: listenForm)
      }
    })

  private static let listenForm = "addresses or interfaces, such as [\"192.0.2.1:8443\", \"mgmt0\"]"

  private static let files: [Setting<ManageSettings>] = [
    Setting(
      "data", \.data, .path, default: .required("a path such as \"/data\""),
      "the data directory, the same as the scanner's"),
    Setting(
      "listen", \.listen,
      .list(listenForm) { $0.string.flatMap(ListenPlace.init) }, default: .required(listenForm),
      "where the service listens: `ADDRESS:PORT` or `INTERFACE:PORT`, without a port on 8443. With an interface, it takes "
        + "only what comes in by that one. Not used if systemd or PID 1 passes sockets (`LISTEN_FDS`)"),
    Setting(
      "tokens", \.tokens, .path, default: .required("a path such as \"tokens.toml\""),
      "the token file; read again when it changes"),
    Setting(
      "certificate", \.certificate, .path, default: "one that the service makes",
      "the certificate and those that lead to its CA, PEM"),
    Setting("key", \.key, .path, default: "one that the service makes", "its private key, PEM"),
    Setting(
      "client-ca", \.clientCA, .path, default: "none",
      "certificates of the CAs whose client certificates are accepted, PEM"),
  ]

  private static let limits: [Setting<ManageSettings>] = [
    Setting(
      "upload-limit", \.uploadLimit,
      .parsed(
        "size", write: { "\"\($0 >> 30)G\"" },
        { text throws(ValueError) in Int(try MemorySize(parsing: text).bytes) }),
      "the most bytes of a target file; the scanner takes 2 GiB at most"),
    Setting(
      "in-band", \.inBand,
      SettingSyntax("`true`, `false`") { field throws(InputError) in
        guard let value = field.value.boolean else { throw field.wrong("true or false") }
        return value
      }, "whether the service may listen on an address of the scan NIC"),
    Setting(
      "connections", \.connections, .integer(1...10_000), "the most connections at one time"),
    Setting(
      "connections-per-address", \.connectionsPerAddress, .integer(1...10_000),
      "the most of one address, so that one cannot take all"),
    Setting(
      "attempts-per-minute", \.attemptsPerMinute, .integer(1...1000),
      "the most failed attempts of one address; more are answered with 429 and not logged"),
    Setting(
      "user", \.user,
      .text("a user that is not root, as \"UID:GID\" such as \"60901:60901\"", { ServiceUser($0) }),
      default: "60901:60901",
      "the user and group to run as when started as root"),
  ]
}
