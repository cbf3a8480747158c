// SipHash (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012): SipHash-1-3 is the keyed hash of the cookie and of
// whatever else is hashed for each packet, SipHash-2-4 derives keys.

/// A 128-bit SipHash key.
public struct SipHashKey: Hashable, Sendable {
  /// The key's first eight bytes as a little-endian number.
  public var k0: UInt64
  /// The key's last eight bytes as a little-endian number.
  public var k1: UInt64

  public init(k0: UInt64, k1: UInt64) {
    self.k0 = k0
    self.k1 = k1
  }

  /// Returns a cryptographically random key: Swift's default generator calls getrandom(2) on Linux.
  public static func random() -> SipHashKey {
    SipHashKey(k0: .random(in: .min ... .max), k1: .random(in: .min ... .max))
  }

  /// Creates a key from 16 bytes; nil for any other number of bytes.
  public init?(bytes: some Collection<UInt8>) {
    guard bytes.count == 16 else { return nil }
    func word(_ part: some Collection<UInt8>) -> UInt64 {
      part.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    self.init(k0: word(bytes.prefix(8)), k1: word(bytes.dropFirst(8)))
  }

  /// What a job's key is used for besides cookies. Raw values are the labels of derived keys.
  public enum Purpose: String, CaseIterable, Sendable {
    /// The choice of source addresses and ports, which every target sees.
    case sourceSelection = "synbox source selection"
    case deduping = "synbox deduping"
    /// The table of RSTs per pair.
    case resets = "synbox reset counts"
  }

  /// Returns the key for a purpose. It tells nothing about this key, nor about those for other purposes.
  ///
  /// Each word is the SipHash-2-4 of the label and the word's number. No label has the length of a cookie's message less
  /// one, so that no message serves two purposes.
  public func derived(for purpose: Purpose) -> SipHashKey {
    let label = Array(purpose.rawValue.utf8)
    return SipHashKey(
      k0: SipHash24.hash(label + [0], key: self), k1: SipHash24.hash(label + [1], key: self))
  }

  public var bytes: [UInt8] {
    [k0, k1].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
  }
}

/// The four words of a SipHash computation.
public struct SipHashState {
  @usableFromInline var v0: UInt64
  @usableFromInline var v1: UInt64
  @usableFromInline var v2: UInt64
  @usableFromInline var v3: UInt64

  @inlinable init(key: SipHashKey) {
    v0 = key.k0 ^ 0x736f_6d65_7073_6575
    v1 = key.k1 ^ 0x646f_7261_6e64_6f6d
    v2 = key.k0 ^ 0x6c79_6765_6e65_7261
    v3 = key.k1 ^ 0x7465_6462_7974_6573
  }

  @inlinable @inline(__always)
  mutating func round() {
    v0 &+= v1
    v1 = v1 &<< 13 | v1 &>> 51
    v1 ^= v0
    v0 = v0 &<< 32 | v0 &>> 32
    v2 &+= v3
    v3 = v3 &<< 16 | v3 &>> 48
    v3 ^= v2
    v0 &+= v3
    v3 = v3 &<< 21 | v3 &>> 43
    v3 ^= v0
    v2 &+= v1
    v1 = v1 &<< 17 | v1 &>> 47
    v1 ^= v2
    v2 = v2 &<< 32 | v2 &>> 32
  }

  @inlinable @inline(__always)
  var hash: UInt64 { v0 ^ v1 ^ v2 ^ v3 }
}

/// A SipHash computation: call `compress` for each block of eight bytes, then `finish`.
public protocol SipHash {
  init(key: SipHashKey)

  /// Compresses a block of eight bytes, given as a little-endian number. The last block has the message's length in its
  /// highest byte.
  mutating func compress(_ block: UInt64)

  /// Returns the hash.
  consuming func finish() -> UInt64
}

extension SipHash {
  /// Returns the hash of `message`.
  public static func hash(_ message: [UInt8], key: SipHashKey) -> UInt64 {
    var state = Self(key: key)
    var block: UInt64 = 0
    for (offset, byte) in message.enumerated() {
      block |= UInt64(byte) << UInt64(offset % 8 * 8)
      if offset % 8 == 7 {
        state.compress(block)
        block = 0
      }
    }
    state.compress(block | UInt64(message.count) << 56)
    return state.finish()
  }
}

/// SipHash-1-3: one round for each block, three at the end. It must agree bit for bit with bpf/cookie.h.
public struct SipHash13: SipHash {
  @usableFromInline var state: SipHashState

  @inlinable public init(key: SipHashKey) { state = SipHashState(key: key) }

  @inlinable @inline(__always)
  public mutating func compress(_ block: UInt64) {
    state.v3 ^= block
    state.round()
    state.v0 ^= block
  }

  @inlinable @inline(__always)
  public consuming func finish() -> UInt64 {
    state.v2 ^= 0xff
    state.round()
    state.round()
    state.round()
    return state.hash
  }
}

/// SipHash-2-4: two rounds for each block, four at the end.
public struct SipHash24: SipHash {
  private var state: SipHashState

  public init(key: SipHashKey) { state = SipHashState(key: key) }

  public mutating func compress(_ block: UInt64) {
    state.v3 ^= block
    state.round()
    state.round()
    state.v0 ^= block
  }

  public consuming func finish() -> UInt64 {
    state.v2 ^= 0xff
    for _ in 0..<4 { state.round() }
    return state.hash
  }
}
