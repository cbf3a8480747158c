// Members that a document of another version may lack.

/// A value that stands for a missing member.
public protocol HasDefault { static var missing: Self { get } }

extension UInt64: HasDefault { public static let missing: UInt64 = 0 }
extension Double: HasDefault { public static let missing = 0.0 }
extension Bool: HasDefault { public static let missing = false }
extension String: HasDefault { public static let missing = "" }
extension Array: HasDefault { public static var missing: [Element] { [] } }

/// A member that takes its default when the document lacks it.
@propertyWrapper
public struct OrDefault<Value: Codable & Hashable & Sendable & HasDefault>: Codable, Hashable, Sendable
{
  public var wrappedValue: Value

  public init(wrappedValue: Value) { self.wrappedValue = wrappedValue }

  public init(from decoder: any Decoder) throws { wrappedValue = try Value(from: decoder) }

  public func encode(to encoder: any Encoder) throws { try wrappedValue.encode(to: encoder) }
}

extension KeyedDecodingContainer {
  /// The compiler prefers this function in the decoders that it writes for the types of this module.
  func decode<Value>(_ type: OrDefault<Value>.Type, forKey key: Key) throws -> OrDefault<Value> {
    OrDefault(wrappedValue: try decodeIfPresent(Value.self, forKey: key) ?? .missing)
  }
}
