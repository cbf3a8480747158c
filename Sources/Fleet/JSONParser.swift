// A JSON reader that takes less than RFC 8259 allows: no repeated members, no fractions, bounded depth.
import Support

/// Parses one JSON text.
struct JSONParser {
  private static let deepest = 12

  private let bytes: [UInt8]
  private let what: String
  private var at = 0

  /// - Parameters:
  ///   - what: names the text in errors.
  ///   - limit: the most bytes that it may have.
  static func parse(_ bytes: [UInt8], _ what: String, limit: Int) throws(FleetError) -> JSONValue {
    guard bytes.count <= limit else {
      throw FleetError("\(what): \(bytes.count) bytes, expected at most \(limit)")
    }
    var parser = JSONParser(bytes: bytes, what: what)
    let value = try parser.value(depth: 0)
    parser.skipBlanks()
    guard parser.at == bytes.count else { throw parser.error("the end") }
    return value
  }

  private init(bytes: [UInt8], what: String) {
    self.bytes = bytes
    self.what = what
  }

  private var next: UInt8? { at < bytes.count ? bytes[at] : nil }

  private func error(_ expected: String) -> FleetError {
    let line = bytes[..<at].count { $0 == 10 } + 1
    let start = bytes[..<at].lastIndex(of: 10).map { $0 + 1 } ?? 0
    let found = next.map { "\"\(Escaping.quotable($0))\"" } ?? "the end"
    return FleetError("\(what):\(line):\(at - start + 1): found \(found), expected \(expected)")
  }

  private mutating func skipBlanks() {
    while let byte = next, byte == 0x20 || byte == 9 || byte == 10 || byte == 13 { at += 1 }
  }

  private mutating func value(depth: Int) throws(FleetError) -> JSONValue {
    guard depth < Self.deepest else { throw error("at most \(Self.deepest) levels of nesting") }
    skipBlanks()
    switch next {
    case UInt8(ascii: "{"): return try object(depth)
    case UInt8(ascii: "["): return try list(depth)
    case UInt8(ascii: "\""): return .text(try text())
    case UInt8(ascii: "t"): return try word("true", .flag(true))
    case UInt8(ascii: "f"): return try word("false", .flag(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return .number(try number())
    }
  }

  private mutating func word(_ word: String, _ value: JSONValue) throws(FleetError) -> JSONValue {
    guard bytes[at...].starts(with: word.utf8) else { throw error("a value") }
    at += word.utf8.count
    return value
  }

  private mutating func number() throws(FleetError) -> Int64 {
    let start = at
    if next == UInt8(ascii: "-") { at += 1 }
    let first = at
    var number: Int64 = 0
    while let byte = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9"), at - first < 17 {
      number = number * 10 + Int64(byte - UInt8(ascii: "0"))
      at += 1
    }
    let isFraction = next == UInt8(ascii: ".") || next == UInt8(ascii: "e") || next == UInt8(ascii: "E")
    let hasZeros = at - first > 1 && bytes[first] == UInt8(ascii: "0")
    guard at > first, !isFraction, !hasZeros, number <= JSONValue.largestNumber,
      !(first > start && number == 0)
    else {
      at = start
      throw error("a value; numbers are whole and at most 2^53")
    }
    return first > start ? -number : number
  }

  private mutating func list(_ depth: Int) throws(FleetError) -> JSONValue {
    var items: [JSONValue] = []
    at += 1
    skipBlanks()
    if next == UInt8(ascii: "]") {
      at += 1
      return .list(items)
    }
    while true {
      items.append(try value(depth: depth + 1))
      skipBlanks()
      if next == UInt8(ascii: "]") { break }
      guard next == UInt8(ascii: ",") else { throw error("a comma or a bracket") }
      at += 1
    }
    at += 1
    return .list(items)
  }

  private mutating func object(_ depth: Int) throws(FleetError) -> JSONValue {
    var members: [String: JSONValue] = [:]
    at += 1
    skipBlanks()
    if next == UInt8(ascii: "}") {
      at += 1
      return .object(members)
    }
    while true {
      skipBlanks()
      let start = at
      guard next == UInt8(ascii: "\"") else { throw error("a member's name") }
      let name = try text()
      skipBlanks()
      guard next == UInt8(ascii: ":") else { throw error("a colon") }
      at += 1
      let value = try value(depth: depth + 1)
      guard members.updateValue(value, forKey: name) == nil else {
        at = start
        throw error("each member once, and \"\(Escaping.quotable(name, limit: 40))\" is there twice")
      }
      skipBlanks()
      if next == UInt8(ascii: "}") { break }
      guard next == UInt8(ascii: ",") else { throw error("a comma or a brace") }
      at += 1
    }
    at += 1
    return .object(members)
  }

  private mutating func text() throws(FleetError) -> String {
    at += 1
    let start = at
    var unescaped: [UInt8] = []
    while let byte = next, byte != UInt8(ascii: "\"") {
      guard byte >= 0x20 else { throw error("no control character in a text") }
      if byte == UInt8(ascii: "\\") {
        try escape(into: &unescaped)
      } else {
        unescaped.append(byte)
        at += 1
      }
    }
    guard next != nil else { throw error("a quote") }
    guard let text = String(validating: unescaped, as: UTF8.self) else {
      at = start
      throw error("a text in UTF-8")
    }
    at += 1
    return text
  }

  private mutating func escape(into text: inout [UInt8]) throws(FleetError) {
    at += 1
    let simple: [UInt8: UInt8] = [
      UInt8(ascii: "\""): 0x22, UInt8(ascii: "\\"): 0x5c, UInt8(ascii: "/"): 0x2f,
      UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 12, UInt8(ascii: "n"): 10, UInt8(ascii: "r"): 13,
      UInt8(ascii: "t"): 9,
    ]
    guard let byte = next else { throw error("an escape") }
    if let value = simple[byte] {
      text.append(value)
      at += 1
      return
    }
    guard byte == UInt8(ascii: "u") else { throw error("an escape") }
    at += 1
    var code = try fourDigits()
    if code >> 10 == 0x36 {
      guard bytes[at...].starts(with: "\\u".utf8) else { throw error("the second surrogate") }
      at += 2
      let low = try fourDigits()
      guard low >> 10 == 0x37 else { throw error("the second surrogate") }
      code = 0x1_0000 + (code & 0x3ff) << 10 + low & 0x3ff
    }
    guard let scalar = Unicode.Scalar(code) else { throw error("a character") }
    text += Array(String(scalar).utf8)
  }

  private mutating func fourDigits() throws(FleetError) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(UnicodeScalar(byte)).hexDigitValue else {
        throw error("four hexadecimal digits")
      }
      code = code << 4 | UInt32(digit)
      at += 1
    }
    return code
  }
}

extension JSONValue {
  /// Parses a JSON text of at most `limit` bytes.
  ///
  /// - Parameter what: names the text in errors, which say line and column.
  public init(parsing bytes: [UInt8], _ what: String, limit: Int) throws(FleetError) {
    self = try JSONParser.parse(bytes, what, limit: limit)
  }
}
