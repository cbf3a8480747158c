// How time is taken.
import Kernel
import Synchronization

/// Seconds of the fastest of several repetitions: whatever else the machine does only ever adds.
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

/// Takes a result, so that the optimiser cannot leave out the work that led to it.
func consume(_ value: UInt64) { drain.store(value, ordering: .relaxed) }
