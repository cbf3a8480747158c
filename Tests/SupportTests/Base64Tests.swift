import Support
import Testing

@Suite(.timeLimit(.minutes(5))) struct `Text in base64` {
  @Test func `is read as it was written`() {
    for count in 0..<20 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 201) }
      #expect(Base64.decode(Array(Base64.encode(bytes).utf8)) == bytes)
    }
  }

  @Test(arguments: ["A", "AA", "AAA", "A===", "AA=A", "AB==", "AAB=", "AA A", "===="])
  func `is refused if bytes could have another form`(_ text: String) {
    #expect(Base64.decode(Array(text.utf8)) == nil)
  }

  @Test func `has another alphabet and no padding in addresses`() {
    let bytes: [UInt8] = [0xfb, 0xff, 0xfe, 0x3f]
    #expect(Base64.encode(bytes) == "+//+Pw==")
    #expect(Base64URL.encode(bytes) == "-__-Pw")
    #expect(Base64URL.decode(Array("-__-Pw".utf8)) == bytes)
    for wrong in ["-__-Pw==", "+//+Pw", "-__-P", "-__-Px"] {
      #expect(Base64URL.decode(Array(wrong.utf8)) == nil)
    }
  }
}
