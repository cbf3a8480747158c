// When a service is started, checked, killed and restarted.
import Supervision
import Testing

let second: UInt64 = 1_000_000_000

@Suite(.timeLimit(.minutes(5))) struct `A service's machine` {
  private func machine(heartbeat: Int? = 15) -> ServiceMachine {
    ServiceMachine(ServiceTiming(heartbeatSeconds: heartbeat), now: 0)
  }

  @Test func `starts the service at once, and again after 1, 2, 4 and at most 60 seconds`() {
    var machine = machine()
    var now: UInt64 = 0
    var waits: [Int?] = []
    for _ in 0..<8 {
      let step = machine.step(at: now)
      #expect(step == .start)
      machine.started(at: now)
      now += second
      let wait = machine.ended(at: now)
      waits.append(wait)
      let early = machine.step(at: now + UInt64(wait ?? 0) * second - 1)
      #expect(early == nil)
      now += UInt64(wait ?? 0) * second
    }
    #expect(waits == [1, 2, 4, 8, 16, 32, 60, 60])
  }

  @Test func `resets the delay after a minute of heartbeats`() {
    var machine = machine()
    for _ in 0..<5 {
      machine.started(at: 0)
      _ = machine.ended(at: 0)
    }
    machine.started(at: 0)
    for time in 1...70 { _ = machine.recordHeartbeat(at: UInt64(time) * second) }
    #expect(machine.healthyDuration(at: 71 * second) == 70 * second)
    let delay = machine.ended(at: 71 * second)
    #expect(delay == 1)
  }

  @Test func `kills a service that falls silent, once`() {
    var machine = machine()
    machine.started(at: 0)
    let first = machine.recordHeartbeat(at: second)
    let another = machine.recordHeartbeat(at: 2 * second)
    #expect(first && !another)
    let before = machine.step(at: 17 * second - 1)
    #expect(before == nil)
    let atTimeout = machine.step(at: 17 * second)
    #expect(atTimeout == .kill(.silent(seconds: 15)))
    let after = machine.step(at: 18 * second)
    #expect(after == nil)
    #expect(machine.isRunning)
    let delay = machine.ended(at: 18 * second)
    #expect(delay == 1)
    #expect(!machine.isRunning)
  }

  @Test func `waits longer for the first heartbeat, but not for ever`() {
    var machine = machine()
    machine.started(at: 0)
    let before = machine.step(at: 119 * second)
    #expect(before == nil)
    let atTimeout = machine.step(at: 120 * second)
    #expect(atTimeout == .kill(.silent(seconds: 120)))
  }

  @Test func `restarts at once when the failure is gone`() {
    var machine = machine()
    for _ in 0..<7 {
      machine.started(at: 0)
      _ = machine.ended(at: 0)
    }
    let before = machine.step(at: second)
    #expect(before == nil)
    machine.restartNow(at: second)
    let after = machine.step(at: second)
    #expect(after == .start)
    machine.started(at: second)
    let delay = machine.ended(at: second)
    #expect(delay == 1)
  }

  @Test func `checks a service without heartbeats after a second, once, and never kills it`() {
    var machine = machine(heartbeat: nil)
    machine.started(at: 0)
    machine.recordBeginning()
    let early = machine.step(at: second - 1)
    #expect(early == nil && !machine.isUp)
    let check = machine.step(at: second)
    #expect(check == .verify && machine.isUp)
    let later = machine.step(at: 1_000_000 * second)
    #expect(later == nil)
    #expect(machine.healthyDuration(at: 10 * second) == 10 * second)
    let beat = machine.recordHeartbeat(at: 11 * second)
    #expect(!beat, "it has no pipe for them")
  }

  @Test func `does not check a service before its program begins, and kills one that never does`() {
    var slow = machine(heartbeat: nil)
    slow.started(at: 0)
    let early = slow.step(at: 119 * second)
    #expect(early == nil && !slow.isUp)
    var stuck = slow
    slow.recordBeginning()
    let check = slow.step(at: 119 * second)
    #expect(check == .verify && slow.isUp)
    let killed = stuck.step(at: 120 * second)
    #expect(killed == .kill(.stuck(seconds: 120)) && !stuck.isUp)
  }

  @Test func `stops for good, and kills a service that does not end in five seconds`() {
    var machine = machine()
    machine.started(at: 0)
    let mustEnd = machine.stop(at: second)
    #expect(mustEnd)
    let early = machine.step(at: 6 * second - 1)
    #expect(early == nil)
    let late = machine.step(at: 6 * second)
    #expect(late == .kill(.unwilling(seconds: 5)))
    let restart = machine.ended(at: 7 * second)
    #expect(restart == nil && machine.hasStopped)
    let never = machine.step(at: 1000 * second)
    #expect(never == nil)
  }

  @Test func `never starts what was stopped while it waited`() {
    var machine = machine()
    machine.started(at: 0)
    _ = machine.ended(at: 0)
    let mustEnd = machine.stop(at: 0)
    #expect(!mustEnd && machine.hasStopped)
    machine.restartNow(at: 0)
    let step = machine.step(at: 100 * second)
    #expect(step == nil)
  }
}
