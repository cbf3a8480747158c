import Support
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A decimal number` {
  @Test func `is at most as large as its type allows`() {
    #expect(UInt8(decimal: "255") == 255 && UInt8(decimal: "256") == nil)
    #expect(UInt16(decimal: "65535") == 65_535 && UInt16(decimal: "65536") == nil)
    #expect(UInt64(decimal: "18446744073709551615") == .max)
    #expect(UInt64(decimal: "18446744073709551616") == nil)
    #expect(UInt8(decimal: "0") == 0)
  }

  @Test(arguments: ["", "00", "01", "+1", "-1", " 1", "1 ", "1_0", "1.0", "1e1", "a", "１", "²"])
  func `has only digits and no leading zero`(text: String) {
    #expect(UInt16(decimal: text) == nil)
  }
}
