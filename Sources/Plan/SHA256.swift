// SHA-256 (FIPS 180-4), which identifies the scope in every summary.
import Support

/// Hashes a message, in one call or piece by piece.
public enum SHA256 {
  /// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
  private static let constants: InlineArray<64, UInt32> = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4,
    0xab1c_5ed5, 0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe,
    0x9bdc_06a7, 0xc19b_f174, 0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f,
    0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da, 0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7,
    0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967, 0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc,
    0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85, 0xa2bf_e8a1, 0xa81a_664b,
    0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070, 0x19a4_c116,
    0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7,
    0xc671_78f2,
  ]

  /// Returns the hash of `message` as 64 lower-case hexadecimal digits.
  public static func hex(_ message: [UInt8]) -> String {
    var hasher = Hasher()
    hasher.add(message.span)
    return hasher.hex
  }

  /// Hashes a message that comes in pieces.
  public struct Hasher: Sendable {
    private var state: State = [
      0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab,
      0x5be0_cd19,
    ]
    /// What does not fill a block yet: fewer than 64 bytes.
    private var pending: [UInt8] = []
    private var count: UInt64 = 0

    public init() {}

    /// Adds the next piece of the message.
    public mutating func add(_ bytes: Span<UInt8>) {
      count += UInt64(bytes.count)
      var start = 0
      if !pending.isEmpty {
        while pending.count < 64, start < bytes.count {
          pending.append(bytes[start])
          start += 1
        }
        guard pending.count == 64 else { return }
        let block = pending
        compress(&state, block.span, 0)
        pending.removeAll(keepingCapacity: true)
      }
      while bytes.count - start >= 64 {
        compress(&state, bytes, start)
        start += 64
      }
      while start < bytes.count {
        pending.append(bytes[start])
        start += 1
      }
    }

    /// The hash of what was added so far: eight words, the first one first.
    public var words: [UInt32] {
      var state = state
      var tail = pending + [0x80]
      while tail.count % 64 != 56 { tail.append(0) }
      for shift in stride(from: 56, through: 0, by: -8) {
        tail.append(UInt8(truncatingIfNeeded: (count &* 8) >> UInt64(shift)))
      }
      for start in stride(from: 0, to: tail.count, by: 64) { compress(&state, tail.span, start) }
      return state.indices.map { state[$0] }
    }

    /// The hash of what was added so far, as 64 lower-case hexadecimal digits.
    public var hex: String { words.map { Hexadecimal.text(UInt64($0), digits: 8) }.joined() }
  }

  private typealias State = InlineArray<8, UInt32>

  /// Updates the state with the block of 64 bytes at `start`.
  private static func compress(_ state: inout State, _ bytes: Span<UInt8>, _ start: Int) {
    func rotate(_ word: UInt32, _ bits: UInt32) -> UInt32 { word >> bits | word << (32 - bits) }
    var schedule = InlineArray<64, UInt32>(repeating: 0)
    for t in 0..<16 {
      let at = start + 4 * t
      schedule[t] =
        UInt32(bytes[at]) << 24 | UInt32(bytes[at + 1]) << 16 | UInt32(bytes[at + 2]) << 8
        | UInt32(bytes[at + 3])
    }
    for t in 16..<64 {
      let (a, b) = (schedule[t - 15], schedule[t - 2])
      let s0 = rotate(a, 7) ^ rotate(a, 18) ^ a >> 3
      let s1 = rotate(b, 17) ^ rotate(b, 19) ^ b >> 10
      schedule[t] = schedule[t - 16] &+ s0 &+ schedule[t - 7] &+ s1
    }
    var v = state
    for t in 0..<64 {
      let s1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25)
      let choice = v[4] & v[5] ^ ~v[4] & v[6]
      let t1 = v[7] &+ s1 &+ choice &+ constants[t] &+ schedule[t]
      let s0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)
      let majority = v[0] & v[1] ^ v[0] & v[2] ^ v[1] & v[2]
      v = [t1 &+ s0 &+ majority, v[0], v[1], v[2], v[3] &+ t1, v[4], v[5], v[6]]
    }
    for index in state.indices { state[index] &+= v[index] }
  }
}

/// The hash of a scope, by which summaries and checkpoints tell one scope from another.
public struct ScopeHash: Sendable {
  private var text: [UInt8] = []

  public init() {}

  /// Adds the content of a list under its role (`allow`, `deny`).
  public mutating func add(_ role: String, _ content: [UInt8]) {
    text += Array("\(role) \(SHA256.hex(content))\n".utf8)
  }

  /// Returns the hash as hexadecimal digits. It covers the date of the built-in registry, because a later registry makes
  /// another scope.
  public func hex(specialPurpose rule: SpecialPurpose.Rule) -> String {
    let rules = rule == .skip ? SpecialPurpose.date : rule.rawValue
    return SHA256.hex(text + Array("special-purpose \(rules)\n".utf8))
  }
}
