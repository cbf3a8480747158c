import Plan
import Testing

/// The examples of FIPS 180-4.
@Suite(.timeLimit(.minutes(5))) struct `SHA-256` {
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func `returns the published digests`(message: String, digest: String) {
    #expect(SHA256.hex(Array(message.utf8)) == digest)
  }

  @Test func `returns the published digest of a million letters a`() {
    #expect(
      SHA256.hex([UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000))
        == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  @Test func `is the same in whatever pieces a message comes`() {
    let message = (0..<300).map { UInt8(truncatingIfNeeded: $0) }
    for size in [1, 7, 63, 64, 65, 128] {
      var hasher = SHA256.Hasher()
      for start in stride(from: 0, to: message.count, by: size) {
        let piece = Array(message[start..<min(start + size, message.count)])
        hasher.add(piece.span)
      }
      #expect(hasher.hex == SHA256.hex(message))
    }
  }

  @Test func `of a scope depends on the rule for special-purpose space`() {
    #expect(ScopeHash().hex(specialPurpose: .skip) != ScopeHash().hex(specialPurpose: .probe))
  }

  @Test func `of a scope depends on which list allows and which denies`() {
    var one = ScopeHash()
    one.add("allow", [1])
    one.add("deny", [2])
    var other = ScopeHash()
    other.add("allow", [2])
    other.add("deny", [1])
    #expect(one.hex(specialPurpose: .skip) != other.hex(specialPurpose: .skip))
  }
}
