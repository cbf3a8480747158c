// Decides when to start, kill and restart the scanner. Pure: times are parameters.
import Kernel

/// Supervises one process by its heartbeats. Times are nanoseconds of a monotonic clock.
public struct Supervisor: Sendable {
  public enum Step: Hashable, Sendable {
    case start
    /// The process has sent no heartbeat for this long.
    case kill(silentSeconds: Int)
  }

  private enum State {
    case waiting(until: UInt64)
    case running(since: UInt64, lastHeartbeat: UInt64?)
    case killed
  }

  /// The longest time between two heartbeats.
  private let heartbeatTimeout: UInt64
  /// The longest time until the first heartbeat, during which the scanner reads its scope, loads its BPF programs and
  /// waits for the link.
  public static let startTimeout: UInt64 = 120 * second
  /// A process that has run this long resets the restart delay.
  static let stableRun: UInt64 = 60 * second
  private static let second: UInt64 = 1_000_000_000
  /// Seconds.
  static let maximumDelay: UInt64 = 60

  private var state: State
  /// Seconds until the next restart; doubles each time.
  private var delay: UInt64 = 1
  /// The time of the running process's first heartbeat; nil before.
  private var healthySince: UInt64?
  public private(set) var starts = 0

  public init(heartbeatTimeoutSeconds: Int, now: UInt64) {
    heartbeatTimeout = UInt64(heartbeatTimeoutSeconds) * Self.second
    state = .waiting(until: now)
  }

  public var isRunning: Bool {
    if case .waiting = state { false } else { true }
  }

  /// Returns what to do now; the caller then calls `started` or `ended`.
  public mutating func step(at now: UInt64) -> Step? {
    switch state {
    case .waiting(let until): return now >= until ? .start : nil
    case .killed: return nil
    case .running(let since, let last):
      let silent = now - min(now, last ?? since)
      guard silent >= (last == nil ? Self.startTimeout : heartbeatTimeout) else { return nil }
      state = .killed
      return .kill(silentSeconds: Int(silent / Self.second))
    }
  }

  /// Records that the process has been started.
  public mutating func started(at now: UInt64) {
    starts += 1
    healthySince = nil
    state = .running(since: now, lastHeartbeat: nil)
  }

  /// Records a heartbeat. Returns whether it is the first of this process.
  public mutating func recordHeartbeat(at now: UInt64) -> Bool {
    guard case .running(let since, let last) = state else { return false }
    state = .running(since: since, lastHeartbeat: now)
    if last == nil { healthySince = now }
    return last == nil
  }

  /// Returns the time since the first heartbeat of the running process; 0 if there is none.
  public func healthyDuration(at now: UInt64) -> UInt64 {
    guard case .running = state, let healthySince else { return 0 }
    return now - min(now, healthySince)
  }

  /// Records that the process has ended or could not be started. Returns the seconds until the next start.
  public mutating func ended(at now: UInt64) -> Int {
    if healthyDuration(at: now) >= Self.stableRun { delay = 1 }
    let wait = delay
    delay = min(Self.maximumDelay, delay * 2)
    healthySince = nil
    state = .waiting(until: now + wait * Self.second)
    return Int(wait)
  }

  /// Ends the restart delay, because the cause of the failure is gone.
  public mutating func restartNow(at now: UInt64) {
    guard case .waiting = state else { return }
    delay = 1
    state = .waiting(until: now)
  }
}
