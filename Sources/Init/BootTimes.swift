// The duration of each phase of the boot.
import Kernel

/// The phases of a boot. Times are CLOCK_BOOTTIME in nanoseconds.
public struct BootTimes: Sendable {
  /// The start of PID 1, before the Swift runtime's.
  public let began: UInt64
  public private(set) var phases: [(name: String, nanoseconds: UInt64)] = []
  private var last: UInt64

  public init(now: UInt64) {
    began = now
    last = now
  }

  /// Records the end of a phase, which began at the end of the previous one.
  public mutating func end(_ name: String, at now: UInt64) {
    phases.append((name, now - min(now, last)))
    last = now
  }

  /// Returns a line such as `first probe after 6.2 s (slowest: modules 1.1 s; 3.9 s since /init)`.
  public func firstProbe(at now: UInt64) -> String {
    let slowest = phases.max { $0.nanoseconds < $1.nanoseconds }
    let name = slowest.map { "slowest: \($0.name) \(formattedSeconds($0.nanoseconds)); " } ?? ""
    let sinceInit = formattedSeconds(now - min(now, began))
    return "first probe after \(formattedSeconds(now)) (\(name)\(sinceInit) since /init)"
  }
}

/// Returns nanoseconds as text such as `4.2 s`.
public func formattedSeconds(_ nanoseconds: UInt64) -> String {
  let tenths = (nanoseconds + 50_000_000) / 100_000_000
  return "\(tenths / 10).\(tenths % 10) s"
}
