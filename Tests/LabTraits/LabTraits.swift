// How suites that run labs share the machine's processors.
import Foundation
import Testing

/// Lets a suite of labs run beside others, or alone. Labs mostly wait, so several at once cost no accuracy, except where a
/// rate or the loss of packets is what the test measures.
public struct LabTrait: SuiteTrait, TestScoping {
  fileprivate let isAlone: Bool

  /// Holds the machine for the length of a suite. A suite's time limits count from here on: its tests are
  /// what is limited, not the wait for their turn.
  public func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    await Machine.shared.enter(alone: isAlone)
    do {
      try await function()
    } catch {
      await Machine.shared.leave(alone: isAlone)
      throw error
    }
    await Machine.shared.leave(alone: isAlone)
  }
}

extension Trait where Self == LabTrait {
  /// Runs while other labs run, as many as there are processors.
  public static var lab: Self { Self(isAlone: false) }
  /// Runs while no other lab runs.
  public static var alone: Self { Self(isAlone: true) }
}

/// The machine, as a lock that several may share. Those that share go first, so that the others do not make
/// them stop and start in turns; none waits for ever because a test run is finite.
private actor Machine {
  static let shared = Machine()

  private struct Turn {
    let isAlone: Bool
    let begin: CheckedContinuation<Void, Never>
  }

  private let width = ProcessInfo.processInfo.activeProcessorCount
  private var sharing = 0
  private var isTaken = false
  private var turns: [Turn] = []

  func enter(alone: Bool) async {
    await withCheckedContinuation { continuation in
      turns.append(Turn(isAlone: alone, begin: continuation))
      startNext()
    }
  }

  func leave(alone: Bool) {
    if alone { isTaken = false } else { sharing -= 1 }
    startNext()
  }

  private func startNext() {
    while !isTaken, sharing < width, let next = turns.firstIndex(where: { !$0.isAlone }) {
      sharing += 1
      turns.remove(at: next).begin.resume()
    }
    if !isTaken, sharing == 0, !turns.isEmpty {
      isTaken = true
      turns.removeFirst().begin.resume()
    }
  }
}
