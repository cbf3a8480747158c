// How long each phase of the boot took, by the kernel's own clock.
import Kernel

public struct BootTimes: Sendable {
  /// CLOCK_BOOTTIME when PID 1 began, before its runtime did; nanoseconds.
  public let began: UInt64
  public private(set) var phases: [(name: String, nanoseconds: UInt64)] = []
  private var last: UInt64

  public init(now: UInt64) {
    began = now
    last = now
  }

  /// Notes the end of a phase that began where the one before ended.
  public mutating func end(_ name: String, at now: UInt64) {
    phases.append((name, now - min(now, last)))
    last = now
  }

  /// For example `first probe after 6.2 s (slowest: modules 1.1 s; 3.9 s since /init)`.
  public func firstProbe(at now: UInt64) -> String {
    let slowest = phases.max { $0.nanoseconds < $1.nanoseconds }
    let name = slowest.map { "slowest: \($0.name) \(seconds($0.nanoseconds)); " } ?? ""
    return "first probe after \(seconds(now)) (\(name)\(seconds(now - min(now, began))) since /init)"
  }
}

/// `4.2 s`.
public func seconds(_ nanoseconds: UInt64) -> String {
  let tenths = (nanoseconds + 50_000_000) / 100_000_000
  return "\(tenths / 10).\(tenths % 10) s"
}
