// Decides when to start, check, kill and restart one service. Pure: times are parameters.

/// One service, by its heartbeats or without. Times are nanoseconds of a monotonic clock.
public struct ServiceMachine: Hashable, Sendable {
  public enum Action: Hashable, Sendable {
    case start
    /// Check the privileges of the process: it has sent its first heartbeat or, if it sends none, its program has begun,
    /// not less than a second after the start.
    case verify
    case kill(KillReason)
  }

  public enum KillReason: Hashable, Sendable, CustomStringConvertible {
    /// It has sent no heartbeat for this long.
    case silent(seconds: Int)
    /// The start helper has not become the service.
    case stuck(seconds: Int)
    /// It was asked to end, and has not.
    case unwilling(seconds: Int)

    public var description: String {
      switch self {
      case .silent(let seconds): "it sent no heartbeat for \(seconds) s"
      case .stuck(let seconds): "its program did not begin within \(seconds) s"
      case .unwilling(let seconds): "it did not end within \(seconds) s"
      }
    }
  }

  private struct Run: Hashable {
    let since: UInt64
    var lastHeartbeat: UInt64?
    /// Whether the start helper has become the service, without the helper's privileges.
    var hasBegun = false
    /// When it began to work: at its first heartbeat or, if it sends none, when it was checked.
    var upSince: UInt64?
  }

  private enum State: Hashable {
    case waiting(until: UInt64)
    case running(Run)
    /// Killed, and not yet reaped.
    case killed
    /// Asked to end.
    case stopping(since: UInt64)
    /// Ended, and not to be started.
    case stopped
  }

  /// Whether the service is to end.
  private enum End: Hashable {
    case none
    /// Until it is resumed.
    case suspended
    case forGood
  }

  private let timing: ServiceTiming
  private var state: State
  /// Seconds until the next restart; doubles each time.
  private var delay: Int
  private var end = End.none
  public private(set) var starts = 0

  public init(_ timing: ServiceTiming, now: UInt64) {
    self.timing = timing
    delay = timing.firstDelay
    state = .waiting(until: now)
  }

  /// Whether there is a process.
  public var isRunning: Bool {
    switch state {
    case .running, .killed, .stopping: true
    case .waiting, .stopped: false
    }
  }

  public var hasStopped: Bool { state == .stopped }

  /// Whether the process has sent a heartbeat or, if it sends none, was checked.
  public var isUp: Bool {
    if case .running(let run) = state { run.upSince != nil } else { false }
  }

  /// Returns what to do now. The caller reports `started` or `ended` after a start.
  public mutating func step(at now: UInt64) -> Action? {
    switch state {
    case .waiting(let until): return now >= until ? .start : nil
    case .killed, .stopped: return nil
    case .stopping(let since):
      guard now - min(now, since) >= ServiceTiming.stopTimeout else { return nil }
      state = .killed
      return .kill(.unwilling(seconds: Int(ServiceTiming.stopTimeout / ServiceTiming.second)))
    case .running(let run): return step(run, at: now)
    }
  }

  private mutating func step(_ run: Run, at now: UInt64) -> Action? {
    guard let heartbeatTimeout = timing.heartbeatTimeout else {
      return stepWithoutHeartbeats(run, elapsed: now - min(now, run.since))
    }
    let silent = now - min(now, run.lastHeartbeat ?? run.since)
    guard silent >= (run.lastHeartbeat == nil ? timing.startTimeout : heartbeatTimeout) else {
      return nil
    }
    state = .killed
    return .kill(.silent(seconds: Int(silent / ServiceTiming.second)))
  }

  /// On a busy machine the start helper may take longer than a second.
  private mutating func stepWithoutHeartbeats(_ run: Run, elapsed: UInt64) -> Action? {
    guard run.upSince == nil else { return nil }
    if run.hasBegun, elapsed >= ServiceTiming.second {
      state = .running(Run(since: run.since, hasBegun: true, upSince: run.since))
      return .verify
    }
    guard !run.hasBegun, elapsed >= timing.startTimeout else { return nil }
    state = .killed
    return .kill(.stuck(seconds: Int(elapsed / ServiceTiming.second)))
  }

  /// Records that the start helper has become the service.
  public mutating func recordBeginning() {
    guard case .running(var run) = state else { return }
    run.hasBegun = true
    state = .running(run)
  }

  /// Records that the process has been started.
  public mutating func started(at now: UInt64) {
    starts += 1
    state = end == .none ? .running(Run(since: now)) : .stopping(since: now)
  }

  /// Records a heartbeat. Returns whether it is the first of this process, whose privileges must then be checked.
  public mutating func recordHeartbeat(at now: UInt64) -> Bool {
    guard case .running(var run) = state, timing.heartbeatTimeout != nil else { return false }
    let isFirst = run.lastHeartbeat == nil
    run.lastHeartbeat = now
    run.upSince = run.upSince ?? now
    state = .running(run)
    return isFirst
  }

  /// Returns for how long the process has been up, in nanoseconds; 0 if it is not.
  public func healthyDuration(at now: UInt64) -> UInt64 {
    guard case .running(let run) = state, let since = run.upSince else { return 0 }
    return now - min(now, since)
  }

  /// Records that the process has ended or could not be started. Returns the seconds until the next start; nil if there
  /// will be none.
  public mutating func ended(at now: UInt64) -> Int? {
    guard end == .none else {
      state = .stopped
      return nil
    }
    if healthyDuration(at: now) >= timing.stableRun { delay = timing.firstDelay }
    let wait = delay
    delay = min(timing.longestDelay, delay * 2)
    state = .waiting(until: now + UInt64(wait) * ServiceTiming.second)
    return wait
  }

  /// Ends the restart delay, because the cause of the failure is gone.
  public mutating func restartNow(at now: UInt64) {
    guard case .waiting = state else { return }
    delay = timing.firstDelay
    state = .waiting(until: now)
  }

  /// Ends the service for good. Returns whether there is a process, which must be asked to end.
  public mutating func stop(at now: UInt64) -> Bool {
    end = .forGood
    return askToEnd(at: now)
  }

  /// Ends the service until it is resumed. Returns whether there is a process that must be asked to end.
  public mutating func suspend(at now: UInt64) -> Bool {
    guard end == .none else { return false }
    end = .suspended
    return askToEnd(at: now)
  }

  /// Lets a suspended service start again, at once if its process has ended.
  public mutating func resume(at now: UInt64) {
    guard end == .suspended else { return }
    end = .none
    guard state == .stopped else { return }
    delay = timing.firstDelay
    state = .waiting(until: now)
  }

  private mutating func askToEnd(at now: UInt64) -> Bool {
    guard isRunning else {
      state = .stopped
      return false
    }
    if state != .killed { state = .stopping(since: now) }
    return true
  }
}

/// How patient PID 1 is with a service.
public struct ServiceTiming: Hashable, Sendable {
  static let second: UInt64 = 1_000_000_000
  /// How long a service has to end by itself, in nanoseconds.
  static let stopTimeout = 5 * second

  /// The longest time between two heartbeats, in nanoseconds; nil for a service that sends none.
  public var heartbeatTimeout: UInt64?
  /// The longest time until the first heartbeat or, for a service that sends none, until its program begins, in
  /// nanoseconds.
  public var startTimeout = 120 * second
  /// A process that has been up for this long resets the restart delay, in nanoseconds.
  public var stableRun = 60 * second
  /// The delay before the first restart, in seconds. It doubles with each further one.
  public var firstDelay = 1
  /// The longest delay before a restart, in seconds.
  public var longestDelay = 60

  /// - Parameter heartbeatSeconds: nil for a service that sends no heartbeats.
  public init(heartbeatSeconds: Int?) {
    heartbeatTimeout = heartbeatSeconds.map { UInt64($0) * Self.second }
  }
}
