// An encoder for JSON whose members keep their order, so that people can read the status from the top.
import Scan
import Support

/// Encodes a value as JSON: members in the order in which they are encoded, one per line at the outermost level, numbers
/// rounded to six decimal places.
package enum OrderedJSON {
  static func encode(_ value: some Encodable) throws -> [UInt8] { try node(value).lines }

  /// Encodes a value on one line, without a newline at its end.
  package static func line(_ value: some Encodable) throws -> [UInt8] { try node(value).line }

  private static func node(_ value: some Encodable) throws -> Node {
    let node = Node()
    try value.encode(to: Writer(node: node, codingPath: []))
    return node
  }

  /// A JSON value in the making. A class, because containers outlive the call that made them.
  private final class Node {
    enum Content {
      case null
      case scalar([UInt8])
      case list([Node])
      case object([(name: String, value: Node)])
    }

    var content = Content.null

    func append(_ node: Node) {
      if case .list(var items) = content {
        content = .null
        items.append(node)
        content = .list(items)
      } else {
        content = .list([node])
      }
    }

    func set(_ name: String, _ node: Node) {
      if case .object(var members) = content {
        content = .null
        members.append((name, node))
        content = .object(members)
      } else {
        content = .object([(name, node)])
      }
    }

    /// The value on one line.
    var line: [UInt8] {
      switch content {
      case .null: Array("null".utf8)
      case .scalar(let text): text
      case .list(let items):
        [UInt8(ascii: "[")] + items.map(\.line).joined(separator: Array(", ".utf8))
          + [UInt8(ascii: "]")]
      case .object(let members):
        [UInt8(ascii: "{")] + members.map(Self.member).joined(separator: Array(", ".utf8))
          + [UInt8(ascii: "}")]
      }
    }

    /// An object with one member per line and a newline at its end.
    var lines: [UInt8] {
      guard case .object(let members) = content else { return line + [10] }
      return Array("{\n  ".utf8)
        + members.map(Self.member).joined(separator: Array(",\n  ".utf8)) + Array("\n}\n".utf8)
    }

    private static func member(_ member: (name: String, value: Node)) -> [UInt8] {
      Escaping.json(member.name) + Array(": ".utf8) + member.value.line
    }
  }

  private struct Writer: Encoder, SingleValueEncodingContainer {
    let node: Node
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
      if case .object = node.content {} else { node.content = .object([]) }
      return KeyedEncodingContainer(Members(node: node, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
      if case .list = node.content {} else { node.content = .list([]) }
      return Items(node: node, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }

    func encodeNil() { node.content = .null }

    func encode<Value: Encodable>(_ value: Value) throws {
      switch value {
      case let text as String: node.content = .scalar(Escaping.json(text))
      case let flag as Bool: node.content = .scalar(Array((flag ? "true" : "false").utf8))
      case let number as Double: node.content = .scalar(Self.text(number))
      case let number as any FixedWidthInteger: node.content = .scalar(Array("\(number)".utf8))
      default: try value.encode(to: self)
      }
    }

    private static func text(_ number: Double) -> [UInt8] {
      guard number.isFinite else { return Array("null".utf8) }
      // Large numbers have no such places, and multiplying them by a million could overflow.
      let rounded = number.magnitude < 1e9 ? (number * 1e6).rounded() / 1e6 : number
      return Array(String(rounded).utf8)
    }
  }

  private struct Members<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let node: Node
    let codingPath: [any CodingKey]

    private func writer(_ key: some CodingKey) -> Writer {
      let value = Node()
      node.set(key.stringValue, value)
      return Writer(node: value, codingPath: codingPath + [key])
    }

    func encodeNil(forKey key: Key) { writer(key).encodeNil() }

    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
      try writer(key).encode(value)
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key)
      -> KeyedEncodingContainer<Nested>
    {
      writer(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
      writer(key).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { Writer(node: node, codingPath: codingPath) }
    func superEncoder(forKey key: Key) -> any Encoder { writer(key) }
  }

  private struct Items: UnkeyedEncodingContainer {
    let node: Node
    let codingPath: [any CodingKey]
    var count: Int {
      if case .list(let items) = node.content { items.count } else { 0 }
    }

    private func writer() -> Writer {
      let value = Node()
      node.append(value)
      return Writer(node: value, codingPath: codingPath)
    }

    func encodeNil() { writer().encodeNil() }
    func encode<Value: Encodable>(_ value: Value) throws { try writer().encode(value) }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type)
      -> KeyedEncodingContainer<Nested>
    {
      writer().container(keyedBy: type)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { writer().unkeyedContainer() }
    func superEncoder() -> any Encoder { writer() }
  }
}
