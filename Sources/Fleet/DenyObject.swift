// The fleet's deny list.

/// What an operator signs to put a deny list in force.
public struct DenyObject: Hashable, Sendable {
  /// Bytes of a list.
  public static let largestList: UInt64 = 256 << 20

  /// Grows with each list.
  public var sequence: UInt64
  /// Of the list's bytes.
  public var digest: Digest
  /// Bytes of the list; 0 denies nothing.
  public var size: UInt64

  public init(sequence: UInt64, digest: Digest, size: UInt64) {
    self.sequence = sequence
    self.digest = digest
    self.size = size
  }

  public var body: JSONValue {
    .object([
      "v": .number(1), "seq": .number(sequence), "sha256": .digest(digest), "size": .number(size),
    ])
  }

  public init(body: JSONValue) throws(FleetError) {
    let fields = try Fields(body, "deny list", known: ["v", "seq", "sha256", "size"])
    try fields.requireVersion()
    sequence = try fields.number("seq", in: 1...(1 << 53))
    digest = try fields.digest("sha256")
    size = try fields.number("size", in: 0...Self.largestList)
    guard size > 0 || digest == Digest(of: []) else {
      throw fields.error("sha256", "that of an empty list, because the size is 0")
    }
  }
}
