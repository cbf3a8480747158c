// JSON as a value, and its canonical form: one sequence of bytes for each value, so that it can be signed.
import Support

/// A JSON value (RFC 8259) without fractions: numbers are whole and below 2^53 in magnitude. Greater ones are texts of digits.
public enum JSONValue: Hashable, Sendable {
  case null
  case flag(Bool)
  case number(Int64)
  case text(String)
  case list([JSONValue])
  case object([String: JSONValue])

  /// The greatest number that every JSON reader keeps exactly.
  public static let largestNumber: Int64 = 1 << 53

  /// A number that may exceed 2^53, as a text of digits.
  public static func digits(_ number: UInt64) -> JSONValue { .text(String(number)) }
  public static func number(_ number: some BinaryInteger) -> JSONValue {
    .number(Int64(clamping: number))
  }
  public static func digest(_ digest: Digest) -> JSONValue { .text(digest.description) }
  public static func texts(_ texts: [String]) -> JSONValue { .list(texts.map { .text($0) }) }

  /// The canonical form: no blanks, members in ascending order of their names' UTF-8, UTF-8 without escapes except for
  /// quotes, backslashes and control characters.
  public var canonical: [UInt8] {
    var bytes: [UInt8] = []
    write(to: &bytes)
    return bytes
  }

  private func write(to bytes: inout [UInt8]) {
    switch self {
    case .null: bytes += Array("null".utf8)
    case .flag(let flag): bytes += Array((flag ? "true" : "false").utf8)
    case .number(let number): bytes += Array(String(number).utf8)
    case .text(let text): Self.write(text, to: &bytes)
    case .list(let items):
      bytes.append(UInt8(ascii: "["))
      for (index, item) in items.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        item.write(to: &bytes)
      }
      bytes.append(UInt8(ascii: "]"))
    case .object(let members):
      bytes.append(UInt8(ascii: "{"))
      let ordered = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      for (index, member) in ordered.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        Self.write(member.key, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        member.value.write(to: &bytes)
      }
      bytes.append(UInt8(ascii: "}"))
    }
  }

  private static func write(_ text: String, to bytes: inout [UInt8]) {
    let isPlain = text.utf8.allSatisfy {
      $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
    }
    guard isPlain else {
      bytes += Escaping.json(text)
      return
    }
    bytes.append(UInt8(ascii: "\""))
    bytes.append(contentsOf: text.utf8)
    bytes.append(UInt8(ascii: "\""))
  }
}
