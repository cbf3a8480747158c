// Lists of events for several services, on virtual time, and the effects that each must have.
import Supervision
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A group of services` {
  /// An event at a second, and its effects.
  private typealias Line = (at: UInt64, event: ServiceGroup.Event, effects: [ServiceGroup.Effect])

  /// Two services: the first sends heartbeats, at least every 15 s; the second sends none.
  private func play(_ lines: [Line]) -> ServiceGroup {
    var group = ServiceGroup(
      [ServiceTiming(heartbeatSeconds: 15), ServiceTiming(heartbeatSeconds: nil)], now: 0)
    for (index, line) in lines.enumerated() {
      let effects = group.handle(line.event, at: line.at * second)
      #expect(effects == line.effects, "line \(index): \(line.event) at \(line.at) s")
    }
    return group
  }

  private let bothStarted: [Line] = [
    (0, .tick, [.start(0), .start(1)]), (0, .started(0), []), (0, .started(1), []),
    (0, .began(1), []),
  ]

  @Test func `starts and checks each by its own rule`() {
    _ = play(
      bothStarted + [
        (1, .tick, [.verify(1)]), (3, .heartbeat(0), [.verify(0)]), (4, .heartbeat(0), []),
        (18, .tick, []), (19, .tick, [.kill(0, .silent(seconds: 15))]), (20, .tick, []),
      ])
  }

  @Test func `restarts one that keeps crashing ever more rarely, and leaves the other alone`() {
    var lines = bothStarted + [(1, .tick, [.verify(1)])]
    var now: UInt64 = 1
    for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
      lines.append((now, .ended(0), [.wait(0, seconds: wait)]))
      if wait > 1 { lines.append((now + UInt64(wait) - 1, .tick, [])) }
      now += UInt64(wait)
      lines += [(now, .tick, [.start(0)]), (now, .started(0), [])]
    }
    let group = play(lines)
    #expect(group[0].starts == 9 && group[1].starts == 1)
    #expect(group[1].healthyDuration(at: now * second) == now * second)
  }

  @Test func `starts one whose program is missing ever more rarely, too`() {
    _ = play([
      (0, .tick, [.start(0), .start(1)]), (0, .started(0), []), (0, .started(1), []),
      (0, .notStarted(1), [.wait(1, seconds: 1)]), (1, .tick, [.start(1)]), (1, .started(1), []),
      (1, .notStarted(1), [.wait(1, seconds: 2)]), (2, .tick, []), (3, .tick, [.start(1)]),
    ])
  }

  @Test func `starts nothing that is held, and all else`() {
    _ = play([
      (0, .hold(0), []), (0, .tick, [.start(1)]), (0, .started(1), []), (0, .began(1), []),
      (50, .tick, [.verify(1)]),
      (51, .release(0), []), (51, .tick, [.start(0)]), (51, .started(0), []), (52, .hold(0), []),
      (53, .heartbeat(0), [.verify(0)]),
    ])
  }

  @Test func `knows which one it would start`() {
    var group = play([(0, .hold(0), []), (0, .tick, [.start(1)]), (0, .started(1), [])])
    #expect(group.isDue(0, at: 0) && !group.isDue(1, at: 0))
    _ = group.handle(.release(0), at: 0)
    #expect(group.isDue(0, at: 0))
    _ = group.handle(.started(0), at: 0)
    _ = group.handle(.ended(0), at: 0)
    #expect(!group.isDue(0, at: second - 1) && group.isDue(0, at: second))
  }

  @Test func `need not wait once the cause is gone`() {
    _ = play(
      bothStarted + [
        (1, .ended(0), [.wait(0, seconds: 1)]), (2, .tick, [.start(0), .verify(1)]),
        (2, .started(0), []), (2, .ended(0), [.wait(0, seconds: 2)]), (2, .restartNow(0), []),
        (2, .tick, [.start(0)]), (2, .restartNow(1), []),
      ])
  }

  @Test func `ends all of them, kills only those that do not, and starts none again`() {
    let group = play(
      bothStarted + [
        (1, .tick, [.verify(1)]), (2, .stop, [.terminate(0), .terminate(1)]), (3, .ended(1), []),
        (6, .tick, []), (7, .tick, [.kill(0, .unwilling(seconds: 5))]), (7, .heartbeat(0), []),
        (8, .ended(0), []), (100, .tick, []),
      ])
    #expect(group.hasStopped)
  }

  @Test func `ends one for a while, and leaves the other alone`() {
    let group = play(
      bothStarted + [
        (1, .tick, [.verify(1)]), (2, .suspend(0), [.terminate(0)]), (2, .suspend(0), []),
        (3, .ended(0), []), (50, .tick, []), (51, .resume(0), []), (51, .tick, [.start(0)]),
        (51, .started(0), []), (52, .resume(0), []), (52, .tick, []),
      ])
    #expect(group[0].starts == 2 && group[1].starts == 1)
  }

  @Test func `waits for the end of one that is resumed too early, and kills one that stays`() {
    _ = play(
      bothStarted + [
        (1, .tick, [.verify(1)]), (2, .suspend(0), [.terminate(0)]), (3, .resume(0), []),
        (3, .tick, []), (4, .ended(0), [.wait(0, seconds: 1)]), (5, .tick, [.start(0)]),
        (5, .started(0), []), (6, .suspend(0), [.terminate(0)]),
        (11, .tick, [.kill(0, .unwilling(seconds: 5))]), (500, .tick, []), (501, .ended(0), []),
        (502, .tick, []),
      ])
  }

  @Test func `starts none that was suspended at first, nor one that was stopped for good`() {
    let group = play([
      (0, .suspend(0), []), (0, .tick, [.start(1)]), (0, .started(1), []), (1, .began(1), []),
      (1, .tick, [.verify(1)]),
      (2, .stop, [.terminate(1)]), (2, .resume(0), []), (2, .suspend(1), []), (2, .resume(1), []),
      (3, .ended(1), []), (4, .tick, []),
    ])
    #expect(group.hasStopped)
  }

  @Test func `has stopped only when every process has ended`() {
    let group = play(bothStarted + [(2, .stop, [.terminate(0), .terminate(1)]), (3, .ended(0), [])])
    #expect(!group.hasStopped)
  }
}
