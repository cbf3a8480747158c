// A job in active/ with what this process has made of it so far.
import Engine
import Kernel
import Scan
import Spool

/// What the runtime keeps of a job.
final class BoxJob {
  var job: Job
  /// The format of the results written so far.
  var format: OutputFormat
  /// The summary of the scan so far, if this process ran it.
  var summary: Summary?
  /// Set from its preparation to its start.
  var prepared: PreparedScan?
  var scan: RunningScan?
  /// Brings changes of the scope, and pauses of the box, to the scan.
  var gate: ScopeGate?
  /// The last snapshot of the scan.
  var last: ScanSnapshot?
  var rateCappedFrom: UInt64?
  /// When the box is told of its progress, and when it was told last: CLOCK_MONOTONIC, nanoseconds.
  var nextProgress: UInt64 = 0
  var lastReport: UInt64 = 0
  /// CLOCK_MONOTONIC, nanoseconds; 0 while the scan can write.
  var nextStorageReport: UInt64 = 0
  var hasReportedSent = false
  var hasWarnedOfEvictions = false

  init(_ job: Job, format: OutputFormat) {
    self.job = job
    self.format = format
  }
}

/// Everything that starts a scan.
struct PreparedScan {
  let job: PreparedJob
  let hops: NextHops
  /// The configuration that it was prepared under: a reload does not change it.
  let configuration: Configuration
}
