// Runs a scan to its end, on the calling thread as its control thread.
import Kernel
import Scan

extension RunningScan {
  /// Runs the scan to its end.
  ///
  /// - Parameters:
  ///   - signals: The job's `endingSignals` among these end the scan with its results saved.
  ///   - firstProbe: Called once the first probe was submitted.
  ///   - progress: Called about once a second. A return value other than nil ends the scan with its results saved.
  package func run(
    signals: borrowing SignalReader, firstProbe: () -> Void = {},
    progress: (ScanSnapshot) throws(Fault) -> Ending?
  ) throws(Fault) -> (summary: Summary, last: ScanSnapshot, ending: Ending) {
    do throws(Fault) {
      try control(signals, firstProbe, progress)
    } catch {
      end()
      throw error
    }
    return try finish()
  }

  private func control(
    _ signals: borrowing SignalReader, _ firstProbe: () -> Void,
    _ progress: (ScanSnapshot) throws(Fault) -> Ending?
  ) throws(Fault) {
    var nextProgress = startTime + 1_000_000_000
    var hasSentProbe = false
    while true {
      let isSignalled = poll(signals.number, -1, milliseconds: 20).first
      if !hasSentProbe, firstProbeTime != nil {
        hasSentProbe = true
        firstProbe()
      }
      while isSignalled, let signal = signals.next() {
        // The last one decides.
        if job.endingSignals.contains(signal) { stop(.signal(signal)) }
      }
      let now = Clock.monotonic
      if now >= nextProgress {
        if let requested = try progress(try snapshot(at: now)) { stop(requested) }
        nextProgress += 1_000_000_000 * max(1, (now - nextProgress) / 1_000_000_000)
      }
      if try tick() { return }
    }
  }
}
