import TestSupport
import Testing

@testable import NATSWire

@Suite(.timeLimit(.minutes(5))) struct `A subject` {
  @Test(arguments: [
    ("a", false), ("_INBOX.b1.7Jx.*", true), ("f.>", true), ("$JS.API.INFO", false), ("a*.b>", false),
  ]) func `is visible ASCII in tokens`(_ text: String, _ isPattern: Bool) throws {
    let subject = try #require(Subject(text))
    #expect(subject.description == text && subject.isPattern == isPattern)
  }

  @Test(arguments: ["", ".", "a.", ".a", "a..b", "a b", "a\r\nPUB x 0", "ä", "a\u{7f}"])
  func `is refused if it is not`(_ text: String) { #expect(Subject(text) == nil) }

  @Test func `has a longest length`() {
    #expect(Subject(String(repeating: "a", count: Subject.longest)) != nil)
    #expect(Subject(String(repeating: "a", count: Subject.longest + 1)) == nil)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `The text of a key` {
  // The key pair of the example of `nk -gen user -pubout` does not stand in the documentation; this one is RFC 8032's first.
  private static let secret: [UInt8] = [
    0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
    0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
  ]

  @Test func `is the same after writing and reading`() {
    let text = KeyText.seedText(Self.secret)
    #expect(text.hasPrefix("SU") && text.count == 58)
    #expect(KeyText.seed(text) == Self.secret)
    #expect(KeyText.publicKey(Self.secret).hasPrefix("U"))
  }

  @Test func `is refused if a character differs`() {
    let text = Array(KeyText.seedText(Self.secret))
    for index in text.indices {
      var other = text
      other[index] = text[index] == "A" ? "B" : "A"
      #expect(KeyText.seed(String(other)) == nil, "\(index)")
    }
    for wrong in ["", "SU", "U", KeyText.publicKey(Self.secret), String(text).lowercased()] {
      #expect(KeyText.seed(wrong) == nil)
    }
  }

  @Test(arguments: [
    ("", ""), ("f", "MY"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("fooba", "MZXW6YTB"),
    ("foobar", "MZXW6YTBOI"),
  ]) func `is base32 as RFC 4648 has it`(_ plain: String, _ encoded: String) {
    #expect(Base32.encode(Array(plain.utf8)) == encoded)
    #expect(Base32.decode(encoded) == Array(plain.utf8))
  }

  @Test func `has no bits left over`() {
    #expect(Base32.decode("MZ") == nil && Base32.decode("A") == nil && Base32.decode("AA") == [0])
  }
}

@Suite(.timeLimit(.minutes(5))) struct `What a client says of itself` {
  @Test func `is one line`() {
    let plain = ClientInfo(name: "b1", version: "1", requiresTLS: false)
    #expect(
      String(decoding: plain.json, as: UTF8.self)
        == #"{"echo":false,"headers":true,"lang":"swift","name":"b1","no_responders":true,"pedantic":false,"#
        + #""protocol":1,"tls_required":false,"verbose":false,"version":"1"}"#)
    let signed = ClientInfo(name: "b\r\n", version: "1", requiresTLS: true, proof: ("U", "s-_"))
    let text = String(decoding: signed.json, as: UTF8.self)
    #expect(text.contains(#""nkey":"U""#) && text.contains(#""sig":"s-_""#))
    #expect(!text.contains("\n") && !text.contains("\r"))
  }

  @Test(arguments: ["", "{}", "[]", #"{"version":"2"}"#, #"{"version":"2","max_payload":0}"#, "{"])
  func `answers a server that says what it is`(_ json: String) {
    #expect(throws: FrameError.self) { _ = try ServerInfo(parsing: Array(json.utf8)) }
  }
}
