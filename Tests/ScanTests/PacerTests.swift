import Plan
import Scan
import TestSupport
import Testing

/// The probes sent at one wake-up.
private struct Transmission {
  let time: UInt64
  let count: Int
}

private let second: UInt64 = 1_000_000_000
private let window = Pacer.window

/// Simulates a sender that sends what is due, at most a batch at a time, for `seconds`. Every wake-up is late by up to
/// `lateness` nanoseconds, and every thousandth also by `stall`.
private func simulate(
  _ pacer: inout Pacer, seconds: UInt64, lateness: UInt64 = 80_000, stall: UInt64 = 0,
  random: inout SeededGenerator
) -> [Transmission] {
  var transmissions: [Transmission] = []
  var (now, wakeUps) = (UInt64(0), 0)
  while now < seconds * second {
    let due = min(pacer.due(at: now), pacer.batch)
    if due > 0 { transmissions.append(Transmission(time: now, count: due)) }
    pacer.spend(due, at: now)
    now = max(now, pacer.dueTime(for: pacer.tick)) + UInt64.random(in: 0..<lateness, using: &random)
    wakeUps += 1
    if wakeUps % 1000 == 0 { now += stall }
  }
  return transmissions
}

/// The most probes in any half-open window.
private func most(_ transmissions: [Transmission]) -> Int {
  var (most, sum, oldest) = (0, 0, 0)
  for transmission in transmissions {
    sum += transmission.count
    while transmission.time - transmissions[oldest].time >= window {
      sum -= transmissions[oldest].count
      oldest += 1
    }
    most = max(most, sum)
  }
  return most
}

private let rates: [(perSecond: UInt64, seconds: UInt64)] = [
  (1, 3600), (100, 3600), (501, 600), (999, 600), (1_000, 600), (3_999, 120), (10_000, 120),
  (100_000, 60),
  (500_000, 30), (1_000_000, 30), (1_488_095, 30), (4_000_000, 10),
]

@Suite(.timeLimit(.minutes(5))) struct `A pacer with late wake-ups` {
  @Test(arguments: rates)
  func `keeps the rate exactly over any length of time`(
    perSecond: UInt64, seconds: UInt64
  ) {
    var random = SeededGenerator(seed)
    var pacer = Pacer(perSecond: perSecond, start: 0)
    let transmissions = simulate(&pacer, seconds: seconds, random: &random)
    let last = transmissions.last?.time ?? 0
    // One probe may be sent at the start; tokens left at the end have not been spent.
    let exact = Int(last * perSecond / second) + 1
    let sent = transmissions.reduce(0) { $0 + $1.count }
    #expect(sent <= exact)
    #expect(sent >= exact - 2 * pacer.batch, "\(exact - sent) too few, seed \(seed)")
  }

  @Test(arguments: rates, [0, 3_000_000, 50_000_000] as [UInt64])
  func `sends at most its share and one batch in any ten milliseconds, also after stalls`(
    rate: (perSecond: UInt64, seconds: UInt64), stall: UInt64
  ) {
    var random = SeededGenerator(seed)
    var pacer = Pacer(perSecond: rate.perSecond, start: 0)
    let transmissions = simulate(
      &pacer, seconds: min(rate.seconds, 60), lateness: 900_000, stall: stall, random: &random)
    #expect(most(transmissions) <= Int(rate.perSecond / 100) + pacer.batch)
  }

  @Test(arguments: rates, [100, 4000] as [UInt64])
  func `keeps the rate and the limit at any interval`(
    rate: (perSecond: UInt64, seconds: UInt64), microseconds: UInt64
  ) {
    var random = SeededGenerator(seed)
    var pacer = Pacer(
      perSecond: rate.perSecond, interval: PaceInterval(microseconds: microseconds), start: 0)
    let transmissions = simulate(
      &pacer, seconds: min(rate.seconds, 60), lateness: microseconds * 300, random: &random)
    let exact = Int((transmissions.last?.time ?? 0) * rate.perSecond / second) + 1
    let sent = transmissions.reduce(0) { $0 + $1.count }
    #expect(sent <= exact && sent >= exact - 2 * pacer.batch, "\(exact - sent) too few, seed \(seed)")
    #expect(most(transmissions) <= Int(rate.perSecond / 100) + pacer.batch)
  }

  @Test(arguments: [100, 999, 10_000, 100_000, 1_000_000] as [UInt64])
  func `catches up within a second after a stall`(perSecond: UInt64) {
    var random = SeededGenerator(seed)
    var pacer = Pacer(perSecond: perSecond, start: 0)
    // A stall of 5 ms after the first second.
    _ = simulate(&pacer, seconds: 1, random: &random)
    var now = second + 5_000_000
    var sent = 0
    while now < 2 * second {
      let due = min(pacer.due(at: now), pacer.batch)
      sent += due
      pacer.spend(due, at: now)
      now = max(now + 1, pacer.dueTime(for: pacer.tick))
    }
    #expect(sent + 2 * pacer.batch >= Int(perSecond), "\(sent) in the second after the stall")
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A pacer` {
  @Test func `without a limit always allows everything`() {
    var pacer = Pacer(perSecond: 0, start: 5)
    #expect(pacer.due(at: 5) == Int.max)
    pacer.spend(1_000_000, at: 5)
    #expect(pacer.due(at: 5) == Int.max)
    #expect(pacer.dueTime(for: 64) <= 5)
  }

  @Test(arguments: [
    (1, 1, 1), (100, 1, 1), (999, 3, 2), (3_999, 12, 8), (10_000, 30, 20), (16_000, 48, 32),
    (32_000, 64, 32), (100_000, 200, 100),
    (1_000_000, 2000, 1000), (.max, 2_000_000, 1_000_000),
  ])
  func `has batches of two intervals' worth or more, and waits for less`(
    rate: UInt64, batch: Int, tick: Int
  ) {
    let pacer = Pacer(perSecond: rate, start: 0)
    #expect(pacer.batch == batch && pacer.tick == tick)
    let longest = Pacer(perSecond: rate, interval: PaceInterval(microseconds: 4000), start: 0)
    #expect(longest.batch >= batch && longest.batch <= 4 * batch)
  }

  @Test func `gains nothing when time runs backwards, and nothing twice afterwards`() {
    var pacer = Pacer(perSecond: 1_000, start: 10 * second)
    pacer.spend(1, at: 10 * second)
    #expect(pacer.due(at: 10 * second + 3_000_000) == 3)
    pacer.spend(3, at: 10 * second + 3_000_000)
    #expect(pacer.due(at: 3 * second) == 0)
    #expect(pacer.due(at: 10 * second + 3_000_000) == 0)
    #expect(pacer.due(at: 10 * second + 4_000_000) == 1)
  }

  @Test(arguments: [1, 100, 999, 1_488_095, 1_000_000_000, .max] as [UInt64])
  func `allows at most a window's worth after a pause of any length`(perSecond: UInt64) {
    for pause in [60 * second, 86_400 * second, UInt64.max] {
      var pacer = Pacer(perSecond: perSecond, start: 0)
      #expect(pacer.due(at: pause) <= Int(clamping: perSecond / 100) + pacer.batch)
      #expect(pacer.due(at: pause) >= 1)
    }
  }

  @Test func `allows the remainder of a partly sent batch at once`() {
    var pacer = Pacer(perSecond: 1_000_000, start: 0)
    #expect(pacer.due(at: 1_000_000) == 1_001)
    pacer.spend(64, at: 1_000_000)
    #expect(pacer.due(at: 1_000_000) == 937)
  }

  @Test(arguments: [1, 100, 999, 10_000, 1_488_095] as [UInt64])
  func `returns the first nanosecond at which a number of probes is due`(perSecond: UInt64) {
    for count in [1, 2, 64] {
      var pacer = Pacer(perSecond: perSecond, start: 0)
      pacer.spend(1, at: 0)
      let needed = min(count, pacer.batch)
      let time = pacer.dueTime(for: count)
      var early = pacer
      #expect(early.due(at: time - 1) < needed)
      #expect(pacer.due(at: time) >= needed)
    }
  }

  @Test func `returns its start if a probe is due at once`() {
    let pacer = Pacer(perSecond: 1_000, start: 77)
    #expect(pacer.dueTime(for: 1) == 77)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A pacer whose rate changes` {
  /// What is sent from `start` to `end`, with a batch at most at a time, and late wake-ups.
  private func run(
    _ pacer: inout Pacer, from start: UInt64, to end: UInt64, random: inout SeededGenerator
  ) -> [Transmission] {
    var transmissions: [Transmission] = []
    var now = start
    while now < end {
      let due = min(pacer.due(at: now), pacer.batch)
      if due > 0 { transmissions.append(Transmission(time: now, count: due)) }
      pacer.spend(due, at: now)
      now =
        max(now + 1, pacer.dueTime(for: pacer.tick)) + UInt64.random(in: 0..<900_000, using: &random)
    }
    return transmissions
  }

  private func count(_ transmissions: [Transmission]) -> Int {
    transmissions.reduce(0) { $0 + $1.count }
  }

  @Test(
    arguments: [100, 1000, 50_000, 1_000_000] as [UInt64], [1, 200, 30_000, 2_000_000] as [UInt64])
  func `sends at most the greater share and batch in any ten milliseconds`(
    _ first: UInt64, _ next: UInt64
  ) {
    var random = SeededGenerator(seed)
    var pacer = Pacer(perSecond: first, start: 0)
    var all: [Transmission] = []
    // A stall before each change leaves much that has accrued.
    for change in 0..<8 as Range<UInt64> {
      let start = change * second
      if change > 0 { pacer.set(perSecond: change % 2 == 0 ? first : next, at: start) }
      all += run(&pacer, from: start, to: start + second / 2, random: &random)
    }
    let most = max(first, next)
    #expect(Self.most(all) <= Int(most / 100) + Pacer.batch(most, .standard), "seed \(seed)")
  }

  private static func most(_ transmissions: [Transmission]) -> Int {
    var (most, sum, oldest) = (0, 0, 0)
    for transmission in transmissions {
      sum += transmission.count
      while transmission.time - transmissions[oldest].time >= window {
        sum -= transmissions[oldest].count
        oldest += 1
      }
      most = max(most, sum)
    }
    return most
  }

  @Test(
    arguments: [(1000, 200), (200, 1000), (1_000_000, 10), (10, 1_000_000), (0, 500)]
      as [(UInt64, UInt64)])
  func `keeps the new rate from the change on, after a batch at most`(_ first: UInt64, _ next: UInt64) {
    var random = SeededGenerator(seed)
    var pacer = Pacer(perSecond: first, start: 0)
    if first > 0 { _ = run(&pacer, from: 0, to: second, random: &random) }
    // Three seconds' pause, in which a second's worth accrues.
    pacer.set(perSecond: next, at: 4 * second)
    let sent = count(run(&pacer, from: 4 * second, to: 6 * second, random: &random))
    #expect(sent <= 2 * Int(next) + pacer.batch + 1)
    #expect(sent >= 2 * Int(next) - 2 * pacer.batch, "\(sent)")
  }

  @Test func `counts what it has just sent against the new rate`() {
    var pacer = Pacer(perSecond: 10_000, start: 0)
    pacer.set(perSecond: 10_000, at: second)
    let sent = pacer.due(at: second)
    #expect(sent == pacer.batch)
    pacer.spend(sent, at: second)
    pacer.set(perSecond: 200, at: second + 1)
    #expect(pacer.due(at: second + 1) == 0)
    #expect(pacer.due(at: second + window - 1) == 0, "the window is still full")
    #expect(pacer.batch == 1 && pacer.perSecond == 200)
    #expect(pacer.due(at: second + window) == 2, "10 ms at the new rate")
  }

  @Test func `forfeits what accrued in a pause, without a change of the rate`() {
    var pacer = Pacer(perSecond: 1000, start: 0)
    pacer.spend(1, at: 0)
    pacer.set(perSecond: 1000, at: 10 * second)
    #expect(pacer.due(at: 10 * second) == pacer.batch)
    pacer.spend(pacer.batch, at: 10 * second)
    #expect(pacer.due(at: 10 * second + 1_000_000) == 1)
  }
}
