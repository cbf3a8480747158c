// JSON that the service makes, and JSON of others that it passes on.
import BoxAPI

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

public enum JSONText {
  /// Encodes a value on one line, members in their order.
  public static func line(_ value: some Encodable) -> [UInt8] {
    // Values without references and keys of their own cannot fail.
    (try? OrderedJSON.line(value)) ?? []
  }

  /// Reads a value; nil if the text is not JSON of that form.
  public static func read<Value: Decodable>(_ type: Value.Type, _ text: [UInt8]) -> Value? {
    try? JSONDecoder().decode(type, from: Data(text))
  }

  /// Adds a member to an object; nil if either is no JSON.
  ///
  /// - Parameter value: JSON, which is kept as it is.
  public static func adding(_ name: String, _ value: [UInt8], to object: [UInt8]) -> [UInt8]? {
    guard isObject(object), read(AnyValue.self, value) != nil,
      let end = object.lastIndex(of: UInt8(ascii: "}"))
    else { return nil }
    let hasMembers = object[..<end].contains(UInt8(ascii: ":"))
    let head = object[..<end].reversed().drop { [0x20, 0x09, 0x0a, 0x0d].contains($0) }.reversed()
    return Array(head) + Array("\(hasMembers ? ", " : "")\"\(name)\": ".utf8) + value
      + [UInt8(ascii: "}")]
  }

  /// Returns whether a text is one JSON object.
  public static func isObject(_ text: [UInt8]) -> Bool {
    guard text.first(where: { ![0x20, 0x09, 0x0a, 0x0d].contains($0) }) == UInt8(ascii: "{") else {
      return false
    }
    return read(AnyValue.self, text) != nil
  }

  /// Replaces line breaks, which in JSON stand between values only, so that the text is one line.
  public static func onOneLine(_ text: [UInt8]) -> [UInt8] {
    text.map { $0 == 0x0a || $0 == 0x0d ? 0x20 : $0 }
  }

  /// Any JSON value. The decoder has parsed all of the text before it makes one.
  private struct AnyValue: Decodable {
    init(from decoder: any Decoder) throws {}
  }
}
