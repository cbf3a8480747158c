// The values of a TOML document.
import Plan

extension TOMLParser {
  /// Reads a value.
  ///
  /// - Parameter depth: how many lists and tables it is in.
  mutating func value(depth: Int) throws(InputError) -> TOMLValue {
    let location = cursor.location
    guard depth < TOMLDocument.maximumDepth else { throw tooDeep() }
    let content: TOMLValue.Content =
      switch cursor.here {
      case UInt8(ascii: "\""), UInt8(ascii: "'"): .string(try string())
      case UInt8(ascii: "["): .list(try list(depth: depth))
      case UInt8(ascii: "{"): .table(try table(depth: depth))
      default: try word()
      }
    return TOMLValue(content: content, location: location)
  }

  /// Reads `[VALUE, …]`, which may extend over several lines.
  private mutating func list(depth: Int) throws(InputError) -> [TOMLValue] {
    _ = cursor.skip("[")
    var values: [TOMLValue] = []
    while true {
      try skipToListItem()
      if cursor.skip("]") { return values }
      values.append(try value(depth: depth + 1))
      try skipToListItem()
      if cursor.skip("]") { return values }
      guard cursor.skip(",") else { throw cursor.error(expected: "\",\" or \"]\"") }
    }
  }

  /// Skips blanks, comments and line ends.
  private mutating func skipToListItem() throws(InputError) {
    repeat {
      cursor.skipBlanks()
      try comment()
    } while cursor.skipLineEnd()
  }

  /// Reads `{ KEY = VALUE, … }`, which ends on its line.
  private mutating func table(depth: Int) throws(InputError) -> TOMLTable {
    _ = cursor.skip("{")
    let section = TOMLSection(.header, depth: depth + 1)
    cursor.skipBlanks()
    if cursor.skip("}") { return section.table }
    repeat {
      try keyAndValue(in: section)
      cursor.skipBlanks()
    } while cursor.skip(",")
    guard cursor.skip("}") else { throw cursor.error(expected: "\",\" or \"}\" on the same line") }
    return section.table
  }

  // MARK: Strings

  /// Reads a string in quotes, on one line.
  mutating func string() throws(InputError) -> String {
    let start = cursor.location
    let quote = cursor.here
    if cursor.byte(after: 1) == quote, cursor.byte(after: 2) == quote {
      throw cursor.error(found: "a multi-line string", expected: "one that ends on its line")
    }
    cursor.advance()
    var text: [UInt8] = []
    while cursor.here != quote {
      if cursor.here == nil || cursor.isAtLineEnd {
        throw cursor.error(
          at: start, found: "an unterminated string", expected: "a closing quote on the same line")
      }
      guard cursor.isAtText, let here = cursor.here else {
        throw cursor.error(expected: "text without control characters")
      }
      if here == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
        text += String(try escape()).utf8
      } else {
        text.append(here)
        cursor.advance()
      }
    }
    cursor.advance()
    return String(decoding: text, as: UTF8.self)
  }

  private mutating func escape() throws(InputError) -> Unicode.Scalar {
    let location = cursor.location
    cursor.advance()
    let letter = cursor.here
    let scalar: Unicode.Scalar?
    switch letter {
    case UInt8(ascii: "b"): scalar = "\u{8}"
    case UInt8(ascii: "t"): scalar = "\t"
    case UInt8(ascii: "n"): scalar = "\n"
    case UInt8(ascii: "f"): scalar = "\u{c}"
    case UInt8(ascii: "r"): scalar = "\r"
    case UInt8(ascii: "\""): scalar = "\""
    case UInt8(ascii: "\\"): scalar = "\\"
    case UInt8(ascii: "u"): scalar = hexadecimal(4)
    case UInt8(ascii: "U"): scalar = hexadecimal(8)
    default: scalar = nil
    }
    guard let scalar else {
      throw cursor.error(
        at: location, found: "an unknown escape",
        expected: #"one of \b, \t, \n, \f, \r, \", \\, and \uXXXX or \UXXXXXXXX for a character"#)
    }
    cursor.advance()
    return scalar
  }

  /// Reads the digits after the letter here, and leaves the cursor on the last one. Returns nil if they are no
  /// character.
  private mutating func hexadecimal(_ count: Int) -> Unicode.Scalar? {
    var number: UInt32 = 0
    for _ in 0..<count {
      guard let byte = cursor.byte(after: 1), let digit = Character(Unicode.Scalar(byte)).hexDigitValue
      else { return nil }
      number = number << 4 | UInt32(digit)
      cursor.advance()
    }
    return Unicode.Scalar(number)
  }

  // MARK: Numbers and booleans

  private mutating func word() throws(InputError) -> TOMLValue.Content {
    let location = cursor.location
    let start = cursor.at
    while let here = cursor.here, Self.isBare(here) || Self.isInNumber(here) { cursor.advance() }
    let word = String(decoding: cursor.bytes(from: start), as: UTF8.self)
    switch word {
    case "": throw cursor.error(expected: Self.aValue)
    case "true": return .boolean(true)
    case "false": return .boolean(false)
    default: break
    }
    let found = TOMLValue.quoted(word)
    let unsigned = word.drop { $0 == "+" || $0 == "-" }
    guard let first = unsigned.utf8.first, (0x30...0x39).contains(first),
      word.utf8.count - unsigned.utf8.count <= 1
    else { throw cursor.error(at: location, found: found, expected: Self.aValue) }
    switch TOMLNumber.parse(word) {
    case .valid(let content): return content
    case .tooLarge:
      throw cursor.error(at: location, found: found, expected: "a number of at most 64 bits")
    case .invalid:
      throw cursor.error(
        at: location, found: found, expected: "a number such as 80, 1_000, 0x1f or 0.5")
    }
  }

  private static let aValue =
    "a value: text in quotes, a number, true, false, a list in [ ] or a table in { }"

  private static func isInNumber(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "+") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: ":")
  }
}
