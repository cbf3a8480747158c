// Which box, and as whom: from flags, the environment, and a file.
import Plan
import Settings
import Support

/// What the client was told in one place; nil where it was told nothing.
public struct ClientSettings: Hashable, Sendable {
  public var box: String?
  /// The path of a file with an access token.
  public var tokenFile: String?
  /// The path of a file with certificates of authorities, in PEM.
  public var authority: String?
  /// The SHA-256 of the box's certificate, in hexadecimal digits.
  public var fingerprint: String?
  /// The paths of a client certificate and its key, in PEM.
  public var certificate: String?
  public var key: String?

  public init() {}

  public static let maximumSize = 1 << 16
  private static let keys = ["box", "token-file", "ca", "fingerprint", "cert", "key"]

  /// Reads `config.toml`.
  ///
  /// - Throws: an `InputError` with the place of the first mistake.
  public init(_ bytes: [UInt8], file: String) throws(InputError) {
    let table = StrictTable(try TOMLDocument(bytes, file: file, maximumSize: Self.maximumSize))
    try table.requireKnown(Self.keys)
    box = try table.text("box", "an address such as \"https://box-1.example:8443\"")
    tokenFile = try table.text("token-file", "the path of a file")
    authority = try table.text("ca", "the path of a file")
    fingerprint = try table.text("fingerprint", "the SHA-256 of a certificate")
    certificate = try table.text("cert", "the path of a file")
    key = try table.text("key", "the path of a file")
  }

  /// - Parameter environment: the variables of the process.
  public init(environment: [String: String]) {
    func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    box = value("SYNBOX_BOX")
    tokenFile = value("SYNBOX_TOKEN_FILE")
  }

  /// Returns these settings with what `others` say where these say nothing. How the box proves itself is taken from one
  /// place only, so that a fingerprint in the file does not hold for a box that a flag names.
  public func over(_ others: Self) -> Self {
    var merged = self
    let isSameBox = box == nil || box == others.box
    merged.box = box ?? others.box
    merged.tokenFile = tokenFile ?? others.tokenFile
    if certificate == nil, key == nil {
      (merged.certificate, merged.key) = (others.certificate, others.key)
    }
    if authority == nil, fingerprint == nil, isSameBox {
      (merged.authority, merged.fingerprint) = (others.authority, others.fingerprint)
    }
    return merged
  }

  /// Where `config.toml` is; nil if the environment does not say.
  public static func path(environment: [String: String]) -> String? {
    if let home = environment["XDG_CONFIG_HOME"], home.hasPrefix("/") {
      return home + "/synbox/config.toml"
    }
    return environment["HOME"].map { $0 + "/.config/synbox/config.toml" }
  }
}

/// The SHA-256 of a certificate, as people copy it: digits in either case, with or without colons.
public struct CertificateFingerprint: Hashable, Sendable, ParsableValue, CustomStringConvertible {
  /// 64 lower-case hexadecimal digits.
  public let description: String

  public init(parsing text: String) throws(ValueError) {
    let digits = text.lowercased().filter { $0 != ":" }
    guard digits.utf8.count == 64,
      digits.utf8.allSatisfy({ 0x30...0x39 ~= $0 || 0x61...0x66 ~= $0 })
    else {
      throw ValueError(
        found: "\"\(Escaping.quotable(text, limit: 100))\"",
        expected: "the SHA-256 of a certificate, 64 hexadecimal digits")
    }
    description = digits
  }
}
