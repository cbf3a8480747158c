// Tokens, their hashes, and the file that holds them.
import BoxAPI
import Plan
import TestSupport
import Testing

@testable import Manage

@Suite(.timeLimit(.minutes(5))) struct `An access token` {
  @Test func `has 256 random bits and its prefix`() {
    var generator = SystemRandomNumberGenerator()
    let tokens = (0..<100).map { _ in AccessToken(using: &generator) }
    #expect(Set(tokens).count == 100)
    for token in tokens {
      #expect(token.text.hasPrefix("synbox_"))
      #expect(token.text.utf8.count == 7 + 43)
      #expect(AccessToken(token.text) == token)
    }
  }

  @Test(arguments: [
    "", "synbox_", "synbox_AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "synbox_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
    "synbox_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+A",
    "synbox_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
  ])
  func `is refused in any other form`(_ text: String) {
    #expect(AccessToken(text) == nil)
  }

  @Test func `matches the hash of its own text alone`() throws {
    var generator = SystemRandomNumberGenerator()
    let (one, other) = (AccessToken(using: &generator), AccessToken(using: &generator))
    let hash = TokenHash(of: one, using: &generator)
    #expect(hash.matches(one))
    #expect(!hash.matches(other))
    #expect(TokenHash(of: one, using: &generator) != hash)
    #expect(TokenHash("\(hash)") == hash)
    #expect(!"\(hash)".contains(one.text))
  }

  @Test func `has the hash that other tools compute`() throws {
    // printf '\0\1…\17' and the text, through sha256sum.
    let token = try #require(AccessToken("synbox_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))
    let hash = try #require(
      TokenHash(
        "sha256:000102030405060708090a0b0c0d0e0f:909585169cd26a86bc624e4610428effdd94ac62c1a69116908a4a741d4213f5"
      ))
    #expect(hash.matches(token))
  }

  @Test func `matches no hash that differs in one digit`() throws {
    var generator = SystemRandomNumberGenerator()
    let token = AccessToken(using: &generator)
    let text = Array("\(TokenHash(of: token, using: &generator))".utf8)
    for place in 7..<text.count where text[place] != UInt8(ascii: ":") {
      for digit in Array("0123456789abcdef".utf8) where digit != text[place] {
        var other = text
        other[place] = digit
        let hash = try #require(TokenHash(String(decoding: other, as: UTF8.self)))
        #expect(!hash.matches(token))
      }
    }
  }

  @Test(arguments: [
    "", "sha256", "sha256::", "md5:00:00", "sha256:00:00",
    "sha256:000102030405060708090a0b0c0d0e0f:00",
    "sha256:000102030405060708090A0B0C0D0E0F:" + String(repeating: "0", count: 64),
    "sha256:000102030405060708090a0b0c0d0e0f:" + String(repeating: "0", count: 64) + ":",
  ])
  func `has no hash of any other form`(_ text: String) {
    #expect(TokenHash(text) == nil)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A token file` {
  private static let hash =
    "sha256:000102030405060708090a0b0c0d0e0f:" + String(repeating: "a", count: 64)

  private func file(_ text: String) throws(InputError) -> TokenFile {
    try TokenFile(Array(text.utf8), file: "tokens.toml")
  }

  @Test func `is read back as it is appended`() throws {
    var generator = SystemRandomNumberGenerator()
    var text = "# Tokens.\n"
    var entries: [TokenEntry] = []
    for (name, role, expires) in [
      ("alice", Role.read, nil), ("bob der Baumeister", .submit, "2030-12-31"),
      ("carol", .admin, "2031-01-02T03:04:05Z"),
    ] {
      let entry = TokenEntry(
        principal: Principal(name: name, role: role), expires: expires.flatMap(TokenEntry.expiry),
        hash: TokenHash(of: AccessToken(using: &generator), using: &generator))
      entries.append(entry)
      text += entry.section
    }
    #expect(try file(text).entries == entries)
    #expect(entries[1].expires?.text == "2030-12-31T00:00:00Z")
  }

  @Test(arguments: [
    "9999-12-31", "2500-01-01", "1969-12-31", "2030-02-30", "2030-12-31T00:00:00",
    "2030-12-31T25:00:00Z",
  ])
  func `has no such expiry`(_ text: String) { #expect(TokenEntry.expiry(text) == nil) }

  @Test func `tells whose token it is until it expires`() throws {
    var generator = SystemRandomNumberGenerator()
    let token = AccessToken(using: &generator)
    let alice = Principal(name: "alice", role: .submit)
    let entry = TokenEntry(
      principal: alice, expires: Timestamp(text: "2001-09-09T01:46:40Z"),
      hash: TokenHash(of: token, using: &generator))
    let other = TokenEntry(
      principal: Principal(name: "bob", role: .admin), expires: nil,
      hash: TokenHash(of: AccessToken(using: &generator), using: &generator))
    let file = TokenFile([other, entry, other])
    #expect(file.verdict(on: token, now: 999_999_999.9) == .valid(entry))
    #expect(file.verdict(on: token, now: 1_000_000_000) == .expired(name: "alice"))
    #expect(file.verdict(on: AccessToken(using: &generator), now: 0) == .unknown)
  }

  @Test(arguments: [
    ("[[token]]\nrole = \"read\"\nhash = \"HASH\"\n", "tokens.toml:1:3: found no name"),
    (
      "[[token]]\nname = \"a\"\nrole = \"root\"\nhash = \"HASH\"\n",
      "tokens.toml:3:1: found another role"
    ),
    ("[[token]]\nname = \"a\\\"b\"\nrole = \"read\"\nhash = \"HASH\"\n", "tokens.toml:2:1: found"),
    (
      "[[token]]\nname = \"a\"\nrole = \"read\"\nhash = \"synbox_secret\"\n",
      "tokens.toml:4:1: found another text"
    ),
    (
      "[[token]]\nname = \"a\"\nrole = \"read\"\nhash = \"HASH\"\nexpires = \"2030-02-30\"\n",
      "tokens.toml:5:1"
    ),
    (
      "[[token]]\nname = \"a\"\nrole = \"read\"\nhash = \"HASH\"\nexpires = \"soon\"\n",
      "tokens.toml:5:1"
    ),
    (
      "[[token]]\nname = \"a\"\nrole = \"read\"\nhash = \"HASH\"\nexpires = \"1960-01-01\"\n",
      "tokens.toml:5:1"
    ),
    ("[[token]]\nname = \"a\"\nrole = \"read\"\nhash = \"HASH\"\nkey = 1\n", "tokens.toml:5:1"),
    ("token = 1\n", "tokens.toml:1:1"),
  ])
  func `with a mistake is refused with its place`(_ text: String, _ start: String) throws {
    let error = #expect(throws: InputError.self) {
      try file(text.replacing("HASH", with: Self.hash))
    }
    let message = try #require(error).description
    #expect(message.hasPrefix(start), "\(message)")
    #expect(!message.contains("synbox_secret"))
  }
}
