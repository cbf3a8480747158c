// When the scanner is started, killed and restarted.
import Init
import Testing

private let second: UInt64 = 1_000_000_000

@Suite(.timeLimit(.minutes(5))) struct `The supervisor` {
  @Test func `starts the scanner at once, and again after 1, 2, 4 and at most 60 seconds`() {
    var supervisor = Supervisor(heartbeatTimeoutSeconds: 15, now: 0)
    var now: UInt64 = 0
    var waits: [Int] = []
    for _ in 0..<8 {
      let step = supervisor.step(at: now)
      #expect(step == .start)
      supervisor.started(at: now)
      now += second
      let wait = supervisor.ended(at: now)
      waits.append(wait)
      let early = supervisor.step(at: now + UInt64(wait) * second - 1)
      #expect(early == nil)
      now += UInt64(wait) * second
    }
    #expect(waits == [1, 2, 4, 8, 16, 32, 60, 60])
  }

  @Test func `resets the delay after a minute of heartbeats`() {
    var supervisor = Supervisor(heartbeatTimeoutSeconds: 15, now: 0)
    for _ in 0..<5 {
      supervisor.started(at: 0)
      _ = supervisor.ended(at: 0)
    }
    supervisor.started(at: 0)
    for time in 1...70 { _ = supervisor.recordHeartbeat(at: UInt64(time) * second) }
    #expect(supervisor.healthyDuration(at: 71 * second) == 70 * second)
    let delay = supervisor.ended(at: 71 * second)
    #expect(delay == 1)
  }

  @Test func `kills a scanner that falls silent, once`() {
    var supervisor = Supervisor(heartbeatTimeoutSeconds: 15, now: 0)
    supervisor.started(at: 0)
    let first = supervisor.recordHeartbeat(at: second)
    let another = supervisor.recordHeartbeat(at: 2 * second)
    #expect(first && !another)
    let before = supervisor.step(at: 17 * second - 1)
    #expect(before == nil)
    let atTimeout = supervisor.step(at: 17 * second)
    #expect(atTimeout == .kill(silentSeconds: 15))
    let after = supervisor.step(at: 18 * second)
    #expect(after == nil)
    #expect(supervisor.isRunning)
    let delay = supervisor.ended(at: 18 * second)
    #expect(delay == 1)
    #expect(!supervisor.isRunning)
  }

  @Test func `waits longer for the first heartbeat, but not for ever`() {
    var supervisor = Supervisor(heartbeatTimeoutSeconds: 15, now: 0)
    supervisor.started(at: 0)
    let before = supervisor.step(at: 119 * second)
    #expect(before == nil)
    let atTimeout = supervisor.step(at: 120 * second)
    #expect(atTimeout == .kill(silentSeconds: 120))
  }

  @Test func `restarts at once when the failure is gone`() {
    var supervisor = Supervisor(heartbeatTimeoutSeconds: 15, now: 0)
    for _ in 0..<7 {
      supervisor.started(at: 0)
      _ = supervisor.ended(at: 0)
    }
    let before = supervisor.step(at: second)
    #expect(before == nil)
    supervisor.restartNow(at: second)
    let after = supervisor.step(at: second)
    #expect(after == .start)
    supervisor.started(at: second)
    let delay = supervisor.ended(at: second)
    #expect(delay == 1)
  }
}
