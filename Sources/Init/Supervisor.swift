// When the scanner is started, killed and started again. Pure: times are parameters.
import Kernel

/// Watches one process by its heartbeats. Times are nanoseconds of a clock that never goes back.
public struct Supervisor: Sendable {
  public enum Step: Hashable, Sendable {
    case start
    /// It has given no sign of life for so many seconds.
    case kill(silentSeconds: Int)
  }

  private enum State {
    case waiting(until: UInt64)
    case running(since: UInt64, lastBeat: UInt64?)
    case killed
  }

  /// How long a beating process may be silent.
  private let patience: UInt64
  /// How long a new one may take until its first heartbeat: it reads its lists, loads its programs, and waits
  /// for the link.
  public static let startPatience: UInt64 = 120 * second
  /// One that ran so long has run well: the next wait is the shortest again.
  static let goodRun: UInt64 = 60 * second
  private static let second: UInt64 = 1_000_000_000
  static let longestDelay: UInt64 = 60

  private var state: State
  /// Seconds.
  private var delay: UInt64 = 1
  /// Since the first heartbeat of the process that runs; nil before.
  private var healthySince: UInt64?
  public private(set) var starts = 0

  public init(patienceSeconds: Int, now: UInt64) {
    patience = UInt64(patienceSeconds) * Self.second
    state = .waiting(until: now)
  }

  public var isRunning: Bool {
    if case .waiting = state { false } else { true }
  }

  /// What is to be done now. `started` or `ended` is called once it is.
  public mutating func step(at now: UInt64) -> Step? {
    switch state {
    case .waiting(let until): return now >= until ? .start : nil
    case .killed: return nil
    case .running(let since, let last):
      let silent = now - min(now, last ?? since)
      guard silent >= (last == nil ? Self.startPatience : patience) else { return nil }
      state = .killed
      return .kill(silentSeconds: Int(silent / Self.second))
    }
  }

  public mutating func started(at now: UInt64) {
    starts += 1
    healthySince = nil
    state = .running(since: now, lastBeat: nil)
  }

  /// Whether it is the first of this process.
  public mutating func beat(at now: UInt64) -> Bool {
    guard case .running(let since, let last) = state else { return false }
    state = .running(since: since, lastBeat: now)
    if last == nil { healthySince = now }
    return last == nil
  }

  /// How long the process has given its heartbeats; 0 while it does not run.
  public func healthy(at now: UInt64) -> UInt64 {
    guard case .running = state, let healthySince else { return 0 }
    return now - min(now, healthySince)
  }

  /// It ended, or could not be started. Seconds until the next start.
  public mutating func ended(at now: UInt64) -> Int {
    if healthy(at: now) >= Self.goodRun { delay = 1 }
    let wait = delay
    delay = min(Self.longestDelay, delay * 2)
    healthySince = nil
    state = .waiting(until: now + wait * Self.second)
    return Int(wait)
  }

  /// What kept it from working is gone: the next start is at once, where one is awaited.
  public mutating func hurry(at now: UInt64) {
    guard case .waiting = state else { return }
    delay = 1
    state = .waiting(until: now)
  }
}
