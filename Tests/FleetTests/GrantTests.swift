import Testing

@testable import Fleet

@Suite(.timeLimit(.minutes(5))) struct `Grants` {
  private let a = BoxInstance(box: BoxName("a")!, instance: "000000000000")
  private let b = BoxInstance(box: BoxName("b")!, instance: "000000000000")

  private func settings(_ boot: String = "boot") -> CollectorMachine.Settings {
    CollectorMachine.Settings(bootID: boot, generation: 1, submitKeys: [], denyKeys: [])
  }

  @Test func `count until the licence has ended by any clock`() {
    var book = GrantBook()
    var effects: [CollectorMachine.Effect] = []
    book.grant(5, to: a, settings(), at: 0, &effects)
    book.grant(3, to: a, settings(), at: second, &effects)
    book.grant(7, to: b, settings(), at: second, &effects)
    #expect(book.sum == 12 && book.sum(without: a) == 7 && effects.count == 3)
    let end = GrantBook.holdTime(settings().ttl)
    #expect(end == 15_350 * millisecond)
    book.prune(end)
    #expect(book.rate(of: a) == 3)
    book.prune(end + second)
    #expect(book.sum == 0)
  }

  @Test func `survive the process in one boot`() {
    var book = GrantBook()
    var effects: [CollectorMachine.Effect] = []
    var file = book.file(settings(), at: 0)
    book.grant(5, to: a, settings(), at: 0, &effects)
    book.grant(7, to: b, settings(), at: 0, &effects)
    for case .appendGrant(let line) in effects { file += line }
    let same = GrantBook(file, settings(), at: second)
    #expect(same.sum == 12 && same.quietUntil == 0)
    // A line that was cut off belongs to an answer that was not sent.
    #expect(GrantBook(Array(file.dropLast(3)), settings(), at: second).sum == 5)
    let quiet = second + GrantBook.holdTime(settings().ttl)
    #expect(GrantBook(file, settings("next"), at: second).quietUntil == quiet)
    #expect(GrantBook([], settings(), at: second).quietUntil == quiet)
    #expect(GrantBook(file + Array("x\n".utf8), settings(), at: second).quietUntil == quiet)
  }

  @Test func `stay quiet after another restart`() {
    var first = GrantBook([], settings(), at: 0)
    let again = GrantBook(first.file(settings(), at: 0), settings(), at: second)
    #expect(again.quietUntil == first.quietUntil)
  }
}
