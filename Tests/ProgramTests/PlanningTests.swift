// Planning that takes long, that hangs, that is not wanted any more, and that takes longer than it may.
import Box
import Foundation
import Kernel
import Plan
import Testing

@testable import synbox

@Suite(.timeLimit(.minutes(5))) struct `Planning` {
  private static let second: UInt64 = 1_000_000_000

  /// Looks at a plan at these times in seconds, when it has taken so many steps: at which looks does it hang?
  private func stuck(_ looks: [(time: Double, steps: Int)]) -> [Bool] {
    var progress = PlanProgress(at: 7 * Self.second)
    return looks.map { progress.isStuck($0.steps, at: UInt64($0.time * Double(Self.second))) }
  }

  @Test func `that makes progress does not hang, however long it takes`() {
    #expect(!stuck((1...1000).map { (7 + 9 * Double($0), $0) }).contains(true))
  }

  @Test func `without progress for ten seconds hangs, until it makes some`() {
    let looks = [
      (16.999, 0), (17.0, 0), (1000.0, 0), (1001.0, 1), (1010.999, 1), (1011.0, 1), (1012.0, 2),
    ]
    #expect(stuck(looks) == [false, true, true, false, false, true, false])
  }

  @Test func `is stopped when it is not wanted any more`() {
    let watch = PlanWatch()
    #expect(watch.verdict(5) == .goAhead && watch.verdict(2) == .goAhead)
    #expect(watch.progress == 7)
    watch.stop()
    #expect(watch.verdict(1) == .stop)
  }

  @Test func `takes no longer than it may`() {
    let now = Clock.monotonic
    #expect(PlanWatch(now: now - PlanWatch.limit + 60 * Self.second).verdict(1) == .goAhead)
    #expect(PlanWatch(now: now - PlanWatch.limit).verdict(1) == .outOfTime)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A file that waits for its turn` {
  private func mistakes(_ text: String?) throws -> CheckAnswer {
    let directory = try TestDirectory()
    if let text { try directory.write(text, to: "net.txt") }
    return BoxRuntime.mistakes(in: "net.txt", directory.path, 1 << 24)
  }

  @Test func `is checked for mistakes`() throws {
    #expect(try mistakes("198.18.4.0/24:80\n") == .valid)
    guard case .invalid(let reasons) = try mistakes("198.18.4.0/33\n198.18.4.0/24\n198.18.300.1\n")
    else {
      Issue.record("no mistake was found")
      return
    }
    let lines = reasons.split(separator: "\n")
    #expect(lines.count == 2)
    #expect(lines.first?.hasPrefix("net.txt:1:12: ") == true, "\(reasons)")
    #expect(lines.last?.hasPrefix("net.txt:3:1: ") == true, "\(reasons)")
  }

  @Test func `is left to whoever claims it if it is gone`() throws {
    guard case .failed(let failure) = try mistakes(nil) else {
      Issue.record("a missing file was checked")
      return
    }
    #expect(failure.kind == .entry)
  }
}
