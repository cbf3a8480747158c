// Measures time.
import Kernel
import Synchronization

/// Returns the seconds of the fastest repetition, because other load on the machine only adds time.
func fastest(of repetitions: Int = 25, _ body: () throws -> Void) rethrows -> Double {
  var best = UInt64.max
  for _ in 0..<repetitions {
    let start = Clock.monotonic
    try body()
    best = min(best, Clock.monotonic - start)
  }
  return Double(max(1, best)) / 1e9
}

private let drain = Atomic<UInt64>(0)

/// Consumes a result, so that the optimizer cannot remove the work that produced it.
func consume(_ value: UInt64) { drain.store(value, ordering: .relaxed) }
