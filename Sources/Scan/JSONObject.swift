// JSON objects, written without a parser or an encoder.

import Support

/// Builds one JSON object whose members keep the order in which they are added (RFC 8259).
public struct JSONObject: Sendable {
  private var members: [[UInt8]] = []

  public init() {}

  public mutating func add(_ name: String, _ text: String) { add(name, raw: Escaping.json(text)) }
  public mutating func add(_ name: String, _ number: UInt64) {
    add(name, raw: Array(String(number).utf8))
  }
  /// Adds a number, or null.
  public mutating func add(_ name: String, _ number: UInt64?) {
    add(name, raw: Array((number.map { String($0) } ?? "null").utf8))
  }
  public mutating func add(_ name: String, _ flag: Bool) {
    add(name, raw: Array((flag ? "true" : "false").utf8))
  }
  /// Adds a number, rounded to six decimal places; NaN and infinities become null.
  public mutating func add(_ name: String, _ number: Double) {
    guard number.isFinite else { return add(name, raw: Array("null".utf8)) }
    // Large numbers have no such places, and multiplying them by a million could overflow.
    let rounded = number.magnitude < 1e9 ? (number * 1e6).rounded() / 1e6 : number
    add(name, raw: Array(String(rounded).utf8))
  }
  public mutating func add(_ name: String, _ texts: [String]) {
    let list = texts.map { Escaping.json($0) }.joined(separator: [UInt8(ascii: ","), 0x20])
    add(name, raw: [UInt8(ascii: "[")] + list + [UInt8(ascii: "]")])
  }
  /// Adds a time, nanoseconds since 1970 UTC, in RFC 3339 form.
  public mutating func add(_ name: String, timestamp nanoseconds: UInt64) {
    var text: [UInt8] = [UInt8(ascii: "\"")]
    text.append(timestamp: nanoseconds)
    add(name, raw: text + [UInt8(ascii: "\"")])
  }
  public mutating func add(_ name: String, _ object: JSONObject) { add(name, raw: object.line) }
  public mutating func add(_ name: String, _ objects: [JSONObject]) {
    let list = objects.map(\.line).joined(separator: [UInt8(ascii: ","), 0x20])
    add(name, raw: [UInt8(ascii: "[")] + list + [UInt8(ascii: "]")])
  }

  private mutating func add(_ name: String, raw: [UInt8]) {
    members.append(Escaping.json(name) + [UInt8(ascii: ":"), 0x20] + raw)
  }

  /// The object on one line, without a newline at its end.
  public var line: [UInt8] {
    [UInt8(ascii: "{")] + members.joined(separator: [UInt8(ascii: ","), 0x20])
      + [UInt8(ascii: "}")]
  }

  /// The object with one member per line and a newline at its end.
  public var lines: [UInt8] {
    Array("{\n  ".utf8) + members.joined(separator: Array(",\n  ".utf8)) + Array("\n}\n".utf8)
  }
}
