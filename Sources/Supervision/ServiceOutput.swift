// The output of a service. It is untrusted: what PID 1 keeps, reads and shows of it is bounded.

/// How much of a service's output PID 1 handles.
public struct OutputLimits: Hashable, Sendable {
  /// Bytes of a line; the rest is dropped.
  public var lineBytes = 2000
  /// How many of the last lines are kept, to explain an end.
  public var keptLines = 10
  /// Bytes read in a second. A service that writes more waits.
  public var bytesPerSecond = 1 << 20
  /// Lines for the console in a second.
  public var consoleLinesPerSecond = 20
  /// Lines that may wait for a slow console.
  public var waitingLines = 100

  public init() {}
}

/// Splits bytes into lines and keeps the last ones.
public struct LogRing: Hashable, Sendable {
  private let limits: OutputLimits
  private var line: [UInt8] = []
  /// The last lines, the oldest first.
  public private(set) var lines: [String] = []

  public init(_ limits: OutputLimits) { self.limits = limits }

  /// Adds output. Returns the lines that it completes. Bytes that are not UTF-8 become U+FFFD.
  public mutating func append(_ bytes: some Sequence<UInt8>) -> [String] {
    var complete: [String] = []
    for byte in bytes {
      if byte == UInt8(ascii: "\n") {
        complete.append(String(decoding: line, as: UTF8.self))
        line.removeAll(keepingCapacity: true)
      } else if line.count < limits.lineBytes {
        line.append(byte)
      }
    }
    return complete
  }

  /// Keeps a line, in place of the oldest if there are too many.
  public mutating func keep(_ line: String) {
    if lines.count >= limits.keptLines { lines.removeFirst(lines.count - limits.keptLines + 1) }
    lines.append(line)
  }

  /// Forgets the lines, and returns them.
  public mutating func removeLines() -> [String] {
    defer { lines = [] }
    return lines
  }
}

/// What may be used in a second, with what is left of it (a token bucket that holds one second's worth).
public struct Allowance: Hashable, Sendable {
  private let perSecond: Int
  private var available: Int
  private var lastRefill: UInt64?

  public init(perSecond: Int) {
    self.perSecond = perSecond
    available = perSecond
  }

  /// Returns what may be used at this time, in nanoseconds.
  public mutating func remaining(at now: UInt64) -> Int {
    let last = lastRefill ?? now
    // No longer than a second, so that the product is in range.
    let elapsed = min(now - min(now, last), 1_000_000_000)
    let more = Int(elapsed) * perSecond / 1_000_000_000
    if more > 0 || lastRefill == nil { lastRefill = now }
    available = min(perSecond, available + more)
    return available
  }

  public mutating func use(_ amount: Int) { available -= amount }
}

/// The lines of a service that wait for the console, which may be a serial line of 9600 bit/s.
public struct ConsoleQueue: Hashable, Sendable {
  private let limits: OutputLimits
  private var waiting: [String] = []
  private var dropped = 0
  private var allowance: Allowance

  public init(_ limits: OutputLimits) {
    self.limits = limits
    allowance = Allowance(perSecond: limits.consoleLinesPerSecond)
  }

  public var isEmpty: Bool { waiting.isEmpty && dropped == 0 }

  /// Adds a line, and drops it if too many wait.
  public mutating func add(_ line: String) {
    if waiting.count < limits.waitingLines { waiting.append(line) } else { dropped += 1 }
  }

  /// Returns the next line to show; nil if there is none, or if the service has used up what it may show.
  public mutating func next(at now: UInt64) -> String? {
    guard !isEmpty, allowance.remaining(at: now) > 0 else { return nil }
    allowance.use(1)
    if !waiting.isEmpty { return waiting.removeFirst() }
    defer { dropped = 0 }
    return "\(dropped) more lines are not shown"
  }
}

/// The console queues of all services.
package struct ConsoleQueues {
  private var queues: [ConsoleQueue]

  package init(_ limits: [OutputLimits]) { queues = limits.map { ConsoleQueue($0) } }

  package var isEmpty: Bool { queues.allSatisfy(\.isEmpty) }

  package mutating func add(_ line: String, of service: Int) { queues[service].add(line) }

  /// Shows lines of the services in turn, for about 0.3 s: at 9600 bit/s a long line takes two seconds, and neither the
  /// watchdog nor the services can wait for all of them.
  ///
  /// - Parameters:
  ///   - clock: nanoseconds.
  ///   - keepAlive: called before each line.
  package mutating func show(
    clock: () -> UInt64, keepAlive: () -> Void, show: (_ service: Int, _ line: String) -> Void
  ) {
    let end = clock() + 300_000_000
    var hasShown = true
    while hasShown {
      hasShown = false
      for service in queues.indices where clock() < end {
        guard let line = queues[service].next(at: clock()) else { continue }
        keepAlive()
        show(service, line)
        hasShown = true
      }
    }
  }
}

/// Which lines of a service belong on the console: plain ones, warnings and errors.
package enum ConsoleText {
  /// The levels of log lines that are shown.
  private static let shown: Set<Substring> = ["warning", "error", "critical"]

  /// Returns the part of a line that belongs on the console, or nil for none.
  ///
  /// A log line is `time=… level=… …` (`Serve/LineLog.swift`). The level is what stands second, because a later field
  /// may hold the same text, from the name of a file.
  package static func of(_ line: String) -> String? {
    guard line.hasPrefix("time=") else {
      return line.hasPrefix("synbox: ") ? String(line.dropFirst(8)) : line.isEmpty ? nil : line
    }
    let parts = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, parts[1].hasPrefix("level=") else { return nil }
    let level = parts[1].dropFirst(6)
    return shown.contains(level) ? "\(level): \(parts[2])" : nil
  }
}
