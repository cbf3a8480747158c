// Names of boxes, shards, jobs and subjects.
import Support

/// The name of a box: a token of subjects and of file names.
public struct BoxName: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let description: String

  static let expected =
    "a box's name: 1 to 63 lower-case letters, digits and hyphens, a letter or digit first"

  /// Returns nil unless the text is 1 to 63 lower-case letters, digits and hyphens, of which the first is no hyphen.
  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    let isAllowed = bytes.allSatisfy {
      $0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "z")
        || $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") || $0 == UInt8(ascii: "-")
    }
    guard (1...63).contains(bytes.count), isAllowed, bytes[0] != UInt8(ascii: "-") else { return nil }
    description = text
  }

  public static func < (left: Self, right: Self) -> Bool {
    left.description.utf8.lexicographicallyPrecedes(right.description.utf8)
  }
}

/// One shard of one scan.
public struct ShardID: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The scan's ID: SHA-256 of the canonical body of its description.
  public var scan: Digest
  /// From 0.
  public var number: UInt32

  public init(scan: Digest, number: UInt32) {
    self.scan = scan
    self.number = number
  }

  public var description: String { "\(scan.short)-\(number)" }
  /// The name of its job on a box.
  public var jobName: String { "fleet-\(scan.short)-\(number)" }

  public static func < (left: Self, right: Self) -> Bool {
    (left.scan, left.number) < (right.scan, right.number)
  }

  var json: [JSONValue] { [.digest(scan), .number(number)] }
}

/// The name of a job that the fleet submitted: `fleet-`, the first 16 digits of the scan's ID, `-`, the shard.
public struct FleetJobName: Hashable, Sendable {
  /// 16 hexadecimal digits.
  public let scan: String
  public let shard: UInt32

  /// Returns nil for the name of any other job.
  public init?(_ name: String) {
    let parts = name.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0] == "fleet", parts[1].utf8.count == 16,
      parts[1].utf8.allSatisfy({
        $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9")
          || $0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "f")
      }),
      let shard = UInt32(decimal: parts[2]), shard < ScanDescription.mostShards
    else { return nil }
    scan = String(parts[1])
    self.shard = shard
  }
}

/// The subjects of the requests, as the collector sees them.
public enum FleetSubject: Hashable, Sendable {
  case hello(BoxName)
  case blob(BoxName, Digest)
  case chunk(BoxName, Digest)
  case operation

  /// Parses a subject; nil for any other.
  public init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    if parts == ["q", "operator"] {
      self = .operation
      return
    }
    guard parts.count >= 3, parts[0] == "q", let box = BoxName(parts[2]) else { return nil }
    switch (parts[1], parts.count) {
    case ("hello", 3): self = .hello(box)
    case ("blob", 4):
      guard let digest = Digest(parts[3]) else { return nil }
      self = .blob(box, digest)
    case ("chunk", 4):
      guard let digest = Digest(parts[3]) else { return nil }
      self = .chunk(box, digest)
    default: return nil
    }
  }

  public var text: String {
    switch self {
    case .hello(let box): "q.hello.\(box)"
    case .blob(let box, let digest): "q.blob.\(box).\(digest)"
    case .chunk(let box, let digest): "q.chunk.\(box).\(digest)"
    case .operation: "q.operator"
    }
  }

  /// What a collector subscribes to.
  public static let patterns = ["q.hello.*", "q.blob.*.*", "q.chunk.*.*", "q.operator"]
  /// The most bytes of a piece of a blob, or of a chunk.
  public static let largestPiece = 512 << 10
}
