import TestSupport
import Testing
import Wire

/// RFC 1071, section 4.1, word by word.
private func textbook(_ words: [UInt16]) -> UInt16 {
  var sum: UInt32 = 0
  for word in words {
    sum += UInt32(word)
    sum = (sum & 0xffff) + sum >> 16
  }
  return UInt16(sum)
}

private func folded(_ add: (inout InternetChecksum) -> Void) -> UInt16 {
  var checksum = InternetChecksum()
  add(&checksum)
  return checksum.folded
}

@Suite(.timeLimit(.minutes(5))) struct `The Internet checksum` {
  @Test func `of the example in RFC 1071 is the published one`() {
    #expect(folded { $0.add([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]) } == 0xddf2)
  }

  @Test func `is the same whether bytes, words or pairs of words are added`() {
    var random = SeededGenerator(4)
    for length in 1...200 {
      let pairs = (0..<length).map { _ in UInt32.random(in: 0...UInt32.max, using: &random) }
      let words = pairs.flatMap { [UInt16($0 >> 16), UInt16($0 & 0xffff)] }
      let bytes = words.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
      let expected = textbook(words)
      #expect(folded { sum in for pair in pairs { sum.add(pair) } } == expected)
      #expect(folded { sum in for word in words { sum.add(word) } } == expected)
      #expect(folded { $0.add(bytes) } == expected)
    }
  }

  @Test func `is correct if every addition carries, and if none does`() {
    for edge in [0, 1, 0xffff, 0x1_0000, 0xffff_0000, 0xffff_fffe, UInt32.max] {
      for count in [1, 2, 3, 65_535, 65_536, 65_537] {
        let expected = (0..<count).reduce(into: 0 as UInt16) { sum, _ in
          sum = textbook([sum, UInt16(edge >> 16), UInt16(edge & 0xffff)])
        }
        #expect(folded { sum in for _ in 0..<count { sum.add(edge) } } == expected)
      }
    }
  }
}
