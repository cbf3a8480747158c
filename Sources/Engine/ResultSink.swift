// Where the results of one scan go: formatted and written by the writer thread, flushed to the device by the control
// thread.
import Kernel
import Scan
import Spool
import Synchronization

/// How far the results of a scan are written: everything that a checkpoint says of them.
struct SinkMark: Sendable {
  /// The ends of the job's files; of no meaning for a stream.
  var results = RecordFile.Mark()
  var journal = RecordFile.Mark()
  /// Results written, with those of earlier processes.
  var written: UInt64 = 0
  /// The counts of this process when the last of them was received.
  var counts = ReceiveCounts()
}

/// The results of one scan on their way out.
final class ResultSink: Sendable {
  private let writer: Mutex<ResultWriter>
  private let markValue: Mutex<SinkMark>
  private let failureValue = Mutex<Fault?>(nil)
  private let faultValue = Mutex<Fault?>(nil)
  /// CLOCK_MONOTONIC when the write began that has not ended; 0 for none.
  private let busySinceValue = Atomic<UInt64>(0)
  /// The last write that took long: CLOCK_MONOTONIC at its end, and how long it took, in nanoseconds.
  private let slowWriteEnd = Atomic<UInt64>(0)
  private let slowWriteTime = Atomic<UInt64>(0)
  /// Results written by earlier processes.
  let writtenBefore: UInt64

  init(_ writer: consuming ResultWriter) {
    writtenBefore = writer.written
    markValue = Mutex(writer.mark(ReceiveCounts()))
    self.writer = Mutex(writer)
  }

  // MARK: Any thread

  var mark: SinkMark { markValue.withLock(\.self) }
  /// Why a job's results cannot be written at the moment. They wait in memory.
  var failure: Fault? { failureValue.withLock(\.self) }
  /// Why a stream cannot be written any more.
  var fault: Fault? { faultValue.withLock(\.self) }

  /// CLOCK_MONOTONIC when the write began that has not ended; nil if none is under way.
  var busySince: UInt64? {
    let since = busySinceValue.load(ordering: .relaxed)
    return since == 0 ? nil : since
  }

  /// Nanoseconds after which a write counts as slow, and for which a slow one is remembered.
  private static let slowAfter: UInt64 = 1_000_000_000
  private static let rememberedFor: UInt64 = 60_000_000_000

  /// Says that the disk is slow: a write is waiting for it at `now`, or waited within the last minute. Otherwise nil.
  func slowDisk(at now: UInt64) -> String? {
    let waiting = busySince.map { now - min(now, $0) } ?? 0
    if waiting >= Self.slowAfter {
      return "the disk is slow: a write has been waiting for \(waiting / 1_000_000_000) s"
    }
    let end = slowWriteEnd.load(ordering: .acquiring)
    guard end != 0, now - min(now, end) < Self.rememberedFor else { return nil }
    let tenths = slowWriteTime.load(ordering: .relaxed) / 100_000_000
    return "the disk is slow: a write took \(tenths / 10).\(tenths % 10) s"
  }

  // MARK: Writer thread

  /// Formats results, and writes them once there are many.
  func append(_ results: [ScanResult], _ counts: ReceiveCounts) {
    withWriter { (writer) throws(Fault) in
      for result in results { try writer.write(result) }
      writer.counts = counts
    }
  }

  /// Passes everything to the kernel.
  func flush() { withWriter { (writer) throws(Fault) in try writer.flush() } }

  /// Whether the disk is failing and no more results fit into memory.
  var isFull: Bool { writer.withLock { $0.isFull } }

  private func withWriter(_ body: (inout ResultWriter) throws(Fault) -> Void) {
    let start = Clock.monotonic
    busySinceValue.store(start, ordering: .relaxed)
    writer.withLock { writer in
      do throws(Fault) {
        try body(&writer)
      } catch {
        faultValue.withLock { $0 = error }
      }
      let failure = writer.failure
      failureValue.withLock { $0 = failure }
      guard failure == nil, writer.isFlushed else { return }
      let mark = writer.mark(writer.counts)
      markValue.withLock { $0 = mark }
    }
    busySinceValue.store(0, ordering: .relaxed)
    let end = Clock.monotonic
    guard end - start >= Self.slowAfter else { return }
    slowWriteTime.store(end - start, ordering: .relaxed)
    slowWriteEnd.store(end, ordering: .releasing)
  }

  // MARK: Control thread

  /// Flushes the results to the device, so that they survive a power cut. Call it when the writer thread is idle.
  func sync() throws(Fault) { try writer.withLock { (writer) throws(Fault) in try writer.sync() } }
}
