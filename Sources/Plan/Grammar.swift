// The tokens of the text grammar, read from bytes: addresses, ranges, prefixes and numbers.

import Wire

/// An error in a text: the bytes `start..<end` do not follow the grammar.
struct ParseError: Error {
  var start: Int
  var end: Int
  var expected: String
  var remedy: String?
  /// A description of the bytes; nil to show the bytes themselves.
  var found: String?

  init(_ range: Range<Int>, expected: String, remedy: String? = nil) {
    start = range.lowerBound
    end = range.upperBound
    self.expected = expected
    self.remedy = remedy
  }

  /// Returns the error for a text that is a value of its own.
  func valueError(in text: Span<UInt8>) -> ValueError {
    ValueError(found: Excerpt.quoted(text, start..<end), expected: expected, offset: start)
  }
}

/// Functions that read a token at the offset `at` and advance `at` past it. The end of the text reads as a line feed,
/// so that no function has to test for it.
enum Grammar {
  static let lineFeed = UInt8(ascii: "\n")
  static let carriageReturn = UInt8(ascii: "\r")
  static let hash = UInt8(ascii: "#")
  static let colon = UInt8(ascii: ":")

  @inline(__always)
  static func peek(_ text: Span<UInt8>, _ at: Int) -> UInt8 {
    at < text.count ? text[at] : lineFeed
  }

  @inline(__always)
  static func isBlank(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
  }

  /// Returns whether a byte ends a word: a blank, a line end or the start of a comment.
  @inline(__always)
  static func endsWord(_ byte: UInt8) -> Bool {
    isBlank(byte) || byte == lineFeed || byte == carriageReturn || byte == hash
  }

  @inline(__always)
  static func skipBlanks(_ text: Span<UInt8>, _ at: inout Int) {
    while isBlank(peek(text, at)) { at += 1 }
  }

  /// Returns the range of the word that starts at `start`.
  static func word(_ text: Span<UInt8>, _ start: Int) -> Range<Int> {
    var end = start
    while !endsWord(peek(text, end)) { end += 1 }
    return start..<end
  }

  /// Reads a decimal number up to `limit`, without leading zeros; nil for anything else.
  @inline(__always)
  static func number(_ text: Span<UInt8>, _ at: inout Int, limit: UInt32) -> UInt32? {
    let first = peek(text, at) &- UInt8(ascii: "0")
    guard first < 10 else { return nil }
    var value = UInt32(first)
    at += 1
    while true {
      let digit = peek(text, at) &- UInt8(ascii: "0")
      guard digit < 10 else { return value <= limit ? value : nil }
      // Limits are at most 65535, so this cannot overflow.
      if value == 0 || value > limit { return nil }
      value = value &* 10 &+ UInt32(digit)
      at += 1
    }
  }

  /// Reads `a.b.c.d`, and returns it in host order.
  @inline(__always)
  static func address(_ text: Span<UInt8>, _ at: inout Int) throws(ParseError) -> UInt32 {
    let start = at
    guard let a = number(text, &at, limit: 255), dot(text, &at),
      let b = number(text, &at, limit: 255), dot(text, &at),
      let c = number(text, &at, limit: 255), dot(text, &at),
      let d = number(text, &at, limit: 255)
    else { throw notAnAddress(text, start) }
    return a << 24 | b << 16 | c << 8 | d
  }

  @inline(__always)
  private static func dot(_ text: Span<UInt8>, _ at: inout Int) -> Bool {
    guard peek(text, at) == UInt8(ascii: ".") else { return false }
    at += 1
    return true
  }

  /// Reads `a.b.c.d`, `a.b.c.d/len` or `a.b.c.d-e.f.g.h`. Ignores the host bits of a prefix, as ZMap does: 10.0.0.1/8
  /// is 10.0.0.0/8.
  @inline(__always)
  static func addresses(_ text: Span<UInt8>, _ at: inout Int) throws(ParseError) -> AddressRange {
    let start = at
    let first = try address(text, &at)
    switch peek(text, at) {
    case UInt8(ascii: "/"):
      at += 1
      return try prefix(text, &at, of: first)
    case UInt8(ascii: "-"):
      at += 1
      let second = at
      let last = try address(text, &at)
      guard first <= last else {
        throw ParseError(
          second..<at,
          expected: "a last address of at least the first, \(IPv4Address(first))")
      }
      return AddressRange(first, last)
    case let next where endsWord(next) || next == colon || next == UInt8(ascii: ","):
      return AddressRange(first, first)
    default:
      throw notAnAddress(text, start)
    }
  }

  private static func prefix(_ text: Span<UInt8>, _ at: inout Int, of address: UInt32)
    throws(ParseError) -> AddressRange
  {
    let start = at
    guard let length = number(text, &at, limit: 32), !isDigit(peek(text, at)) else {
      throw ParseError(item(text, start), expected: "a prefix length from 0 to 32")
    }
    let hostBits: UInt32 = length == 0 ? .max : (1 << (32 - length)) - 1
    return AddressRange(address & ~hostBits, address | hostBits)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

  /// Returns the range from `start` to the end of the word, or to a colon or comma in it.
  static func item(_ text: Span<UInt8>, _ start: Int) -> Range<Int> {
    var end = start
    while case let byte = peek(text, end), !endsWord(byte), byte != colon, byte != UInt8(ascii: ",") {
      end += 1
    }
    return start..<end
  }

  private static func notAnAddress(_ text: Span<UInt8>, _ start: Int) -> ParseError {
    let word = word(text, start)
    var colons = 0
    var letters = false
    for at in word {
      let lower = text[at] | 0x20
      if text[at] == colon { colons += 1 }
      if lower >= UInt8(ascii: "a") && lower <= UInt8(ascii: "z") { letters = true }
    }
    if colons > 1 {
      return ParseError(word, expected: "an IPv4 address; IPv6 is not supported")
    }
    if letters {
      return ParseError(word, expected: "an IPv4 address; host names are not resolved")
    }
    return ParseError(
      word, expected: "an IPv4 address, four numbers from 0 to 255 without leading zeros")
  }
}

/// Parses `text` with `body`, which must read all of it.
func parseWhole<Value>(
  _ text: String, expected: String,
  _ body: (Span<UInt8>, inout Int) throws(ParseError) -> Value
) throws(ValueError) -> Value {
  let bytes = Array(text.utf8)
  let span = bytes.span
  var at = 0
  do throws(ParseError) {
    let value = try body(span, &at)
    if at < span.count { throw ParseError(at..<span.count, expected: expected) }
    return value
  } catch {
    throw error.valueError(in: span)
  }
}
