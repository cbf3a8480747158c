import Support
import Testing

@Suite(.timeLimit(.minutes(5))) struct `Hexadecimal digits` {
  @Test func `stand for bytes, two for each`() {
    let bytes = (0...255).map { UInt8($0) }
    let text = Hexadecimal.encode(bytes)
    #expect(text.hasPrefix("000102") && text.hasSuffix("fdfeff") && text.utf8.count == 512)
    #expect(Hexadecimal.decode(text) == bytes)
    #expect(Hexadecimal.decode("") == [])
  }

  @Test(arguments: ["0", "000", "0g", "0A", "+1", " 0", "0x", "é", "\u{ff11}\u{ff11}"])
  func `that are others are refused`(_ text: String) { #expect(Hexadecimal.decode(text) == nil) }

  @Test func `stand for a number, with zeros in front`() {
    #expect(Hexadecimal.text(0, digits: 2) == "00")
    #expect(Hexadecimal.text(0xabc, digits: 2) == "abc")
    #expect(Hexadecimal.text(.max, digits: 8) == "ffffffffffffffff")
    #expect(Hexadecimal.text(1, digits: 8) == "00000001")
  }
}
