import Scan
import TestSupport
import Testing

/// A wake-up and what was sent at it.
private struct Departure {
  let time: UInt64
  let count: Int
}

private let second: UInt64 = 1_000_000_000

/// Sends whatever is due for `seconds` of a clock that only this test advances. Every wake-up comes late
/// by up to 0.9 ms, as those of a busy machine do.
private func simulate(_ pacer: inout Pacer, seconds: UInt64, random: inout SeededGenerator)
  -> [Departure]
{
  let tick = max(1, Int(pacer.perSecond / 1000))
  var departures: [Departure] = []
  var now: UInt64 = 0
  while now < seconds * second {
    let due = pacer.due(at: now)
    if due > 0 { departures.append(Departure(time: now, count: due)) }
    pacer.spend(due)
    now = max(now, pacer.moment(for: tick)) + UInt64.random(in: 0..<900_000, using: &random)
  }
  return departures
}

/// The most that left in any `window` nanoseconds, both ends included.
private func most(_ departures: [Departure], in window: UInt64) -> Int {
  var (most, sum, oldest) = (0, 0, 0)
  for departure in departures {
    sum += departure.count
    while departure.time - departures[oldest].time > window {
      sum -= departures[oldest].count
      oldest += 1
    }
    most = max(most, sum)
  }
  return most
}

private let rates: [(perSecond: UInt64, seconds: UInt64)] = [
  (100, 3600), (999, 600), (1_000, 600), (10_000, 120), (100_000, 60), (1_488_095, 60),
]

@Suite struct `A pacer whose wake-ups come late` {
  @Test(arguments: rates)
  func `sends exactly what the rate says, over any length of time`(
    perSecond: UInt64, seconds: UInt64
  ) {
    var random = SeededGenerator(seed)
    var pacer = Pacer(perSecond: perSecond, start: 0)
    let departures = simulate(&pacer, seconds: seconds, random: &random)
    let last = departures.last?.time ?? 0
    // One probe may leave at the very start; what is still in the bucket at the end has not left.
    let exact = Int(last * perSecond / second) + 1
    let sent = departures.reduce(0) { $0 + $1.count }
    #expect(sent <= exact)
    #expect(sent >= exact - Int(pacer.burst), "\(exact - sent) too few, seed \(seed)")
  }

  @Test(arguments: rates)
  func `never sends more in ten milliseconds than its share and one burst`(
    perSecond: UInt64, seconds: UInt64
  ) {
    var random = SeededGenerator(seed)
    var pacer = Pacer(perSecond: perSecond, start: 0)
    let departures = simulate(&pacer, seconds: min(seconds, 60), random: &random)
    let share = Int((perSecond + 99) / 100)
    #expect(most(departures, in: 10_000_000) <= share + Int(pacer.burst))
  }
}

@Suite struct `A pacer` {
  @Test func `without a limit lets everything leave, at once and always`() {
    var pacer = Pacer(perSecond: 0, start: 5)
    #expect(pacer.due(at: 5) == Int.max)
    pacer.spend(1_000_000)
    #expect(pacer.due(at: 5) == Int.max)
    #expect(pacer.moment(for: 64) <= 5)
  }

  @Test func `gains nothing while time runs backwards, and nothing twice when it comes back`() {
    var pacer = Pacer(perSecond: 1_000, start: 10 * second, burst: 1_000)
    pacer.spend(1)
    #expect(pacer.due(at: 11 * second) == 1_000)
    pacer.spend(1_000)
    #expect(pacer.due(at: 3 * second) == 0)
    #expect(pacer.due(at: 11 * second) == 0)
    #expect(pacer.due(at: 11 * second + 1_000_000) == 1)
  }

  @Test(arguments: [1, 100, 999, 1_488_095, 1_000_000_000] as [UInt64])
  func `has one burst and no more after a pause of any length`(perSecond: UInt64) {
    for pause in [60 * second, 86_400 * second, UInt64.max] {
      var pacer = Pacer(perSecond: perSecond, start: 0)
      #expect(pacer.due(at: pause) == Int(pacer.burst))
    }
  }

  @Test func `sends what is left of a batch that was cut short at once`() {
    var pacer = Pacer(perSecond: 1_000_000, start: 0)
    #expect(pacer.due(at: 1_000_000) == 1_001)
    pacer.spend(64)
    #expect(pacer.due(at: 1_000_000) == 937)
  }

  @Test(arguments: [1, 100, 999, 10_000, 1_488_095] as [UInt64])
  func `names the first nanosecond at which so many are due`(perSecond: UInt64) {
    for count in [1, 2, 64] {
      var pacer = Pacer(perSecond: perSecond, start: 0)
      pacer.spend(1)
      let wanted = min(count, Int(pacer.burst))
      let moment = pacer.moment(for: count)
      var early = pacer
      #expect(early.due(at: moment - 1) < wanted)
      #expect(pacer.due(at: moment) >= wanted)
    }
  }

  @Test func `asked for nothing due says: now`() {
    let pacer = Pacer(perSecond: 1_000, start: 77)
    #expect(pacer.moment(for: 1) == 77)
  }
}
