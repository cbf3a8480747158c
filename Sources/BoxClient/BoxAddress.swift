// Where a box is.
import Plan
import Support

/// The address of a management service: `https://HOST` or `https://HOST:PORT`.
public struct BoxAddress: Hashable, Sendable, ParsableValue, CustomStringConvertible {
  public static let defaultPort = 8443

  /// A name or an address; an IPv6 address without brackets.
  public let host: String
  public let port: Int

  public init(parsing text: String) throws(ValueError) {
    let expected = "https://HOST or https://HOST:PORT"
    func wrong() -> ValueError {
      ValueError(found: "\"\(Escaping.quotable(text, limit: 80))\"", expected: expected)
    }
    let scheme = "https://"
    guard text.hasPrefix(scheme) else { throw wrong() }
    var rest = text.dropFirst(scheme.count)
    if rest.hasSuffix("/") { rest.removeLast() }
    var name = rest[...]
    var number: Substring?
    if rest.first == "[" {
      guard let end = rest.firstIndex(of: "]") else { throw wrong() }
      name = rest[rest.index(after: rest.startIndex)..<end]
      let after = rest[rest.index(after: end)...]
      guard after.isEmpty || after.first == ":" else { throw wrong() }
      number = after.isEmpty ? nil : after.dropFirst()
    } else if let colon = rest.lastIndex(of: ":") {
      name = rest[..<colon]
      number = rest[rest.index(after: colon)...]
    }
    let allowed = name.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
        UInt8(ascii: "_"):
        true
      case UInt8(ascii: ":"), UInt8(ascii: "%"): rest.first == "["
      default: false
      }
    }
    guard !name.isEmpty, name.utf8.count <= 253, allowed else { throw wrong() }
    host = String(name)
    guard let number else {
      port = Self.defaultPort
      return
    }
    guard number.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
      let value = Int(number), 1...65_535 ~= value
    else { throw wrong() }
    port = value
  }

  /// The value of the field `Host`.
  public var authority: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }
  public var description: String { "https://\(authority)" }

  /// Whether the host is a name, not an address: only names go into SNI (RFC 6066, section 3).
  public var isName: Bool {
    !host.contains(":") && !host.utf8.allSatisfy { $0 == 0x2e || 0x30...0x39 ~= $0 }
  }
}

/// Paths of the API.
public enum APIPath {
  public static func job(_ name: String) -> String { "/v1/jobs/\(segment(name))" }
  public static func spool(_ name: String) -> String { "/v1/spool/\(segment(name))" }
  public static func fetched(_ name: String) -> String { "/v1/results/\(segment(name))/fetched" }
  public static func result(_ name: String, _ file: String) -> String {
    "/v1/results/\(segment(name))/\(segment(file))"
  }

  /// A segment with every byte percent-encoded that is not unreserved (RFC 3986, section 2.3).
  static func segment(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        bytes.append(byte)
      default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
