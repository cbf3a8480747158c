// SHA-256 as a value, by which blobs, chunks, manifests and scans are named.
import Plan
import Support

/// A SHA-256 hash (FIPS 180-4).
public struct Digest: Hashable, Comparable, Sendable, CustomStringConvertible {
  private let a: UInt64
  private let b: UInt64
  private let c: UInt64
  private let d: UInt64

  /// Takes a hash's 32 bytes; nil for another number of them.
  public init?(bytes: [UInt8]) {
    guard bytes.count == 32 else { return nil }
    func word(_ start: Int) -> UInt64 {
      bytes[start..<start + 8].reduce(0) { $0 << 8 | UInt64($1) }
    }
    (a, b, c, d) = (word(0), word(8), word(16), word(24))
  }

  /// Parses 64 lower-case hexadecimal digits; nil for anything else.
  public init?(_ text: String) {
    guard text.utf8.count == 64, let bytes = Hexadecimal.decode(text) else { return nil }
    self.init(bytes: bytes)
  }

  /// Hashes bytes.
  public init(of bytes: [UInt8]) {
    var hasher = SHA256.Hasher()
    hasher.add(bytes.span)
    self.init(hasher)
  }

  /// Takes the hash of all that a hasher was given.
  public init(_ hasher: SHA256.Hasher) {
    let words = hasher.words
    func pair(_ index: Int) -> UInt64 { UInt64(words[index]) << 32 | UInt64(words[index + 1]) }
    (a, b, c, d) = (pair(0), pair(2), pair(4), pair(6))
  }

  public var bytes: [UInt8] {
    [a, b, c, d].flatMap { word in
      stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) }
    }
  }

  /// 64 hexadecimal digits.
  public var description: String {
    [a, b, c, d].map { Hexadecimal.text($0, digits: 16) }.joined()
  }

  /// The first 16 digits, for names and messages.
  public var short: String { Hexadecimal.text(a, digits: 16) }

  public static func < (left: Self, right: Self) -> Bool {
    (left.a, left.b, left.c, left.d) < (right.a, right.b, right.c, right.d)
  }
}
