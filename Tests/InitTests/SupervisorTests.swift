// When the scanner is started, killed, and started again.
import Init
import Testing

private let second: UInt64 = 1_000_000_000

@Suite struct `The supervisor of the scanner` {
  @Test func `starts it at once, and again after 1, 2, 4 and at last 60 seconds`() {
    var supervisor = Supervisor(patienceSeconds: 15, now: 0)
    var now: UInt64 = 0
    var waits: [Int] = []
    for _ in 0..<8 {
      let step = supervisor.step(at: now)
      #expect(step == .start)
      supervisor.started(at: now)
      now += second
      let wait = supervisor.ended(at: now)
      waits.append(wait)
      let value1 = supervisor.step(at: now + UInt64(wait) * second - 1)
      #expect(value1 == nil)
      now += UInt64(wait) * second
    }
    #expect(waits == [1, 2, 4, 8, 16, 32, 60, 60])
  }

  @Test func `forgets the waits after a minute of heartbeats`() {
    var supervisor = Supervisor(patienceSeconds: 15, now: 0)
    for _ in 0..<5 {
      supervisor.started(at: 0)
      _ = supervisor.ended(at: 0)
    }
    supervisor.started(at: 0)
    for beat in 1...70 { _ = supervisor.beat(at: UInt64(beat) * second) }
    #expect(supervisor.healthy(at: 71 * second) == 70 * second)
    let value2 = supervisor.ended(at: 71 * second)
    #expect(value2 == 1)
  }

  @Test func `kills one that falls silent, once`() {
    var supervisor = Supervisor(patienceSeconds: 15, now: 0)
    supervisor.started(at: 0)
    let first = supervisor.beat(at: second)
    let another = supervisor.beat(at: 2 * second)
    #expect(first && !another)
    let value3 = supervisor.step(at: 17 * second - 1)
    #expect(value3 == nil)
    let value4 = supervisor.step(at: 17 * second)
    #expect(value4 == .kill(silentSeconds: 15))
    let value5 = supervisor.step(at: 18 * second)
    #expect(value5 == nil)
    #expect(supervisor.isRunning)
    let value6 = supervisor.ended(at: 18 * second)
    #expect(value6 == 1)
    #expect(!supervisor.isRunning)
  }

  @Test func `gives a new one longer, but not for ever`() {
    var supervisor = Supervisor(patienceSeconds: 15, now: 0)
    supervisor.started(at: 0)
    let value7 = supervisor.step(at: 119 * second)
    #expect(value7 == nil)
    let value8 = supervisor.step(at: 120 * second)
    #expect(value8 == .kill(silentSeconds: 120))
  }

  @Test func `does not wait any longer once the failure is gone`() {
    var supervisor = Supervisor(patienceSeconds: 15, now: 0)
    for _ in 0..<7 {
      supervisor.started(at: 0)
      _ = supervisor.ended(at: 0)
    }
    let value9 = supervisor.step(at: second)
    #expect(value9 == nil)
    supervisor.hurry(at: second)
    let value10 = supervisor.step(at: second)
    #expect(value10 == .start)
    supervisor.started(at: second)
    let value11 = supervisor.ended(at: second)
    #expect(value11 == 1)
  }
}
