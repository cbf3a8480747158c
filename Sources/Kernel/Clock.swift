// The kernel's clocks.
import CLinux

/// Clocks in nanoseconds (clock_gettime(2)).
public enum Clock {
  /// CLOCK_MONOTONIC, which pacing and events use.
  public static var monotonic: UInt64 { read(CLOCK_MONOTONIC) }
  /// CLOCK_REALTIME since 1970-01-01 UTC.
  public static var realtime: UInt64 { read(CLOCK_REALTIME) }

  /// CLOCK_BOOTTIME: since the kernel started.
  public static var boottime: UInt64 { read(CLOCK_BOOTTIME) }

  private static func read(_ clock: Int32) -> UInt64 {
    var time = timespec()
    _ = unsafe clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// Sleeps until `moment` of CLOCK_MONOTONIC or until a signal arrives.
  public static func sleep(untilMonotonic moment: UInt64) {
    var time = timespec(tv_sec: Int(moment / 1_000_000_000), tv_nsec: Int(moment % 1_000_000_000))
    _ = unsafe clock_nanosleep(CLOCK_MONOTONIC, Int32(TIMER_ABSTIME), &time, nil)
  }
}

/// The processor time that the process has used (getrusage(2)).
public struct ResourceUsage: Sendable {
  public let userSeconds: Double
  public let systemSeconds: Double
  public var seconds: Double { userSeconds + systemSeconds }

  public static var current: ResourceUsage {
    var usage = rusage()
    _ = unsafe getrusage(RUSAGE_SELF.rawValue, &usage)
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
    return ResourceUsage(
      userSeconds: seconds(usage.ru_utime), systemSeconds: seconds(usage.ru_stime))
  }
}
