import Box
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct `A random walk of a box` {
  /// Fewer without the optimizer, which makes each of them ten times slower.
  private static var events: Int {
    var isOptimized = true
    assert(
      {
        isOptimized = false
        return true
      }())
    return isOptimized ? 1_000_000 : 100_000
  }

  /// A million random events, with random failures and restarts: no file is lost, no job runs twice, nothing starts
  /// while the box is paused, no slot is shared, no SIGHUP is lost, and the box exits with its jobs saved.
  @Test func `breaks no rule, and every file ends once the world is calm`() {
    let seed = Seed.next()
    var runtime = SimulatedRuntime(seed: seed)
    let episode = 10_000
    for event in 0..<Self.events {
      runtime.step()
      if let mistake = runtime.mistake {
        Issue.record("event \(event): \(mistake)")
        return
      }
      guard event % episode == episode - 1 else { continue }
      drain(&runtime)
      if let mistake = runtime.mistake {
        Issue.record("after event \(event): \(mistake)")
        return
      }
    }
    // The walk goes everywhere: about twice as often as this.
    let events = Self.events
    #expect(runtime.starts > events / 200 && runtime.finished > events / 250)
    #expect(runtime.cancelled > events / 10_000 && runtime.rejected > events / 500)
    #expect(runtime.exits > events / 20_000 && runtime.reloads > events / 500)
  }

  /// Lets the world be calm until everything has ended.
  private func drain(_ runtime: inout SimulatedRuntime) {
    runtime.calm()
    var steps = 0
    while steps < 20_000, !runtime.hasEnded {
      runtime.step()
      steps += 1
      if runtime.mistake != nil { return }
    }
    #expect(runtime.hasEnded, "still there: \(runtime.spool) \(runtime.active)")
    runtime.isCalm = false
  }
}

extension SimulatedRuntime {
  /// Whether every file has ended, except for those that this process leaves alone.
  fileprivate var hasEnded: Bool {
    spool.isEmpty && active.values.allSatisfy { $0.state == .stuck }
  }
}
