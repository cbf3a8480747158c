import Testing

@testable import Fleet

@Suite(.timeLimit(.minutes(5))) struct `Names in a fleet` {
  @Test func `of boxes are tokens of subjects`() {
    for name in ["a", "box-1", "0", String(repeating: "a", count: 63)] {
      #expect(BoxName(name)?.description == name)
    }
    for name in ["", "-a", "A", "a.b", "a*", "a b", ">", "é", String(repeating: "a", count: 64)] {
      #expect(BoxName(name) == nil)
    }
  }
}
