// The output of a service, which is untrusted.
import Supervision
import Testing

@Suite(.timeLimit(.minutes(5))) struct `The output of a service` {
  private var limits: OutputLimits {
    var limits = OutputLimits()
    limits.lineBytes = 8
    limits.keptLines = 3
    limits.consoleLinesPerSecond = 2
    limits.waitingLines = 4
    return limits
  }

  @Test func `becomes lines, wherever it was cut`() {
    var ring = LogRing(limits)
    let none = ring.append(Array("one\ntw".utf8))
    #expect(none == ["one"])
    let rest = ring.append(Array("o\n\n".utf8))
    #expect(rest == ["two", ""])
  }

  @Test func `is bounded in the length of a line and in the number of lines`() {
    var ring = LogRing(limits)
    for _ in 0..<10_000 {
      let lines = ring.append(Array("0123456789".utf8))
      #expect(lines.isEmpty)
    }
    let lines = ring.append([UInt8(ascii: "\n")])
    #expect(lines == ["01234567"])
    for number in 1...10 { ring.keep("\(number)") }
    #expect(ring.lines == ["8", "9", "10"])
    let removed = ring.removeLines()
    #expect(removed == ["8", "9", "10"] && ring.lines.isEmpty)
  }

  @Test func `may be anything but text`() {
    var ring = LogRing(limits)
    let lines = ring.append([0xff, 0xfe, 0, 0x1b, 0x0a])
    #expect(lines == ["\u{fffd}\u{fffd}\0\u{1b}"])
  }

  @Test func `is read only at its rate`() {
    var allowance = Allowance(perSecond: 1000)
    let first = allowance.remaining(at: 5 * second)
    #expect(first == 1000)
    allowance.use(4000)
    let negative = allowance.remaining(at: 5 * second)
    #expect(negative == -3000)
    let later = allowance.remaining(at: 7 * second)
    #expect(later == -2000, "a pause gives no more than a second's worth")
    let soon = allowance.remaining(at: 7 * second + second / 2)
    #expect(soon == -1500)
    var idle = Allowance(perSecond: 1000)
    _ = idle.remaining(at: 0)
    let much = idle.remaining(at: 1_000_000 * second)
    #expect(much == 1000)
  }

  @Test func `does not lose its rate to many small steps`() {
    var allowance = Allowance(perSecond: 20)
    _ = allowance.remaining(at: 0)
    allowance.use(20)
    // A step of 10 ms is a fifth of a line.
    for step in 1...100 { _ = allowance.remaining(at: UInt64(step) * second / 100) }
    let after = allowance.remaining(at: second)
    #expect(after >= 19)
  }

  @Test func `is shown at a bounded rate, and what is dropped is counted`() {
    var queue = ConsoleQueue(limits)
    for number in 1...10 { queue.add("\(number)") }
    var shown: [String] = []
    for step in 0..<40 {
      while let line = queue.next(at: UInt64(step) * second / 10) { shown.append(line) }
      if step == 0 { #expect(shown == ["1", "2"]) }
    }
    #expect(shown == ["1", "2", "3", "4", "6 more lines are not shown"])
    #expect(queue.isEmpty)
  }

  @Test func `keeps the watchdog waiting for no more than one line of a slow console`() {
    var limits = OutputLimits()
    limits.waitingLines = 1000
    limits.consoleLinesPerSecond = 1000
    var queues = ConsoleQueues([limits, limits])
    // 64 KB, which take 68 s at 9600 bit/s.
    for _ in 0..<1000 { queues.add(String(repeating: "x", count: 64), of: 0) }
    queues.add("a line of another service", of: 1)
    var now = second
    var lastKeepAlive = now
    var longest: UInt64 = 0
    var rounds = 0
    var shown: [Int] = []
    while !queues.isEmpty {
      let began = now
      queues.show(
        clock: { now },
        keepAlive: {
          longest = max(longest, now - lastKeepAlive)
          lastKeepAlive = now
        },
        show: { service, line in
          shown.append(service)
          now += UInt64(line.utf8.count) * second / 960
        })
      // The main loop reads heartbeats between two rounds.
      #expect(now - began < second / 2)
      rounds += 1
      now += second / 100
    }
    #expect(longest < second / 5, "the watchdog waited for \(longest) ns")
    #expect(rounds > 100 && shown.count == 1001)
    #expect(shown.prefix(4).contains(1), "the other service waits for one line only")
  }

  @Test func `is shown if it is plain, a warning or an error`() {
    for (line, shown) in [
      ("synbox: scan0 is igb", "scan0 is igb"), ("Fatal error: index", "Fatal error: index"), ("", nil),
      (
        "time=2026-11-22T16:20:00.000Z level=warning msg=\"no list\" file=never",
        "warning: msg=\"no list\" file=never"
      ),
      ("time=2026-11-22T16:20:00.000Z level=error msg=x", "error: msg=x"),
      ("time=2026-11-22T16:20:00.000Z level=info msg=\"job finished\"", nil),
    ] as [(String, String?)] {
      #expect(ConsoleText.of(line) == shown)
    }
  }

  @Test(arguments: [
    "time=2026-11-22T16:20:00.000Z level=info msg=\"job started\" job=\"x level=critical msg=gone\"",
    "time=2026-11-22T16:20:00.000Z level=info level=critical x",
    "time= level=informational level=error x",
    "time=2026-11-22T16:20:00.000Z msg=\"x\" level=critical y", "time=level=critical x",
  ])
  func `shows no line whose level stands in a later field, such as the name of a file`(_ line: String) {
    #expect(ConsoleText.of(line) == nil)
  }
}
