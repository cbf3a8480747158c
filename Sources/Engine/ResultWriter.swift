// Writes results to their file, pipe or terminal in a few large writes.
import Kernel
import Scan
import Spool
import Wire

/// Formats results and writes them.
///
/// Each write ends at the end of a line, so that the output is well formed whenever the process ends, even by
/// SIGKILL (`ResultPages`).
package struct ResultWriter: ~Copyable, Sendable {
  /// The output that the user named; nil for a job.
  private let stream: Descriptor?
  private let name: String
  /// The job's results and journal; nil for a stream.
  private let files: JobFiles?
  private var pages: ResultPages
  /// Journal records of the results in `pages`; used for jobs only.
  private var journal: [UInt8] = []
  private(set) var written: UInt64 = 0
  /// Why a job's results cannot be written at the moment. They stay in memory.
  private(set) var failure: Fault?
  /// The counts of the scan when the last result was received.
  var counts = ReceiveCounts()

  /// Bytes that may wait for a failing disk before their replies have to wait in the event ring.
  private static let maxBufferedBytes = 1 << 24

  /// - Parameters:
  ///   - position: Bytes that the output holds already.
  ///   - name: The output's name in error messages.
  package init(
    _ output: consuming Descriptor, position: Int = 0, name: String, formatter: ResultFormatter
  ) {
    stream = consume output
    self.name = name
    files = nil
    pages = ResultPages(formatter, position: position)
  }

  /// Appends to a job's results.
  package init(_ files: JobFiles, formatter: ResultFormatter) {
    stream = nil
    name = files.results.path
    self.files = files
    written = files.checkpoint?.totals[.written] ?? 0
    let position = Int(files.results.mark.length)
    pages = ResultPages(formatter, position: position, beginsOutput: position == 0)
  }

  mutating func write(_ result: ScanResult) throws(Fault) {
    pages.append(result)
    if files != nil { JournalRecord(result.reply).append(to: &journal) }
    written += 1
    if pages.bytes.count >= 1 << 16, failure == nil { try flush() }
  }

  /// Whether nothing waits in memory.
  var isFlushed: Bool { pages.bytes.isEmpty && journal.isEmpty }

  /// Returns how far the results are written. Only right while nothing waits in memory.
  func mark(_ counts: ReceiveCounts) -> SinkMark {
    var mark = SinkMark(written: written, counts: counts)
    if let files { (mark.results, mark.journal) = (files.results.mark, files.journal.mark) }
    return mark
  }

  /// Whether the disk is failing and the buffer has no room for more results.
  var isFull: Bool { failure != nil && pages.bytes.count + journal.count >= Self.maxBufferedBytes }

  /// Passes all buffered results to the kernel. For a job, sets `failure` instead of throwing.
  mutating func flush() throws(Fault) {
    guard let files else { return try writeStream() }
    do throws(Fault) {
      try pages.flush { (bytes, pieces) throws(Fault) in
        try files.results.append(bytes, pieces: pieces)
      }
      if !journal.isEmpty {
        try files.journal.append(journal)
        journal.removeAll(keepingCapacity: true)
      }
      failure = nil
    } catch {
      failure = error
    }
  }

  private mutating func writeStream() throws(Fault) {
    do throws(Errno) {
      try pages.flush { (bytes, pieces) throws(Errno) in
        for piece in pieces { try stream?.writeAll(bytes, in: piece) }
      }
    } catch {
      throw Fault(
        "cannot write results to \(name)", cause: error,
        remedy: error == .brokenPipe ? "The reading process has ended" : nil)
    }
  }

  /// Flushes the results to the device, so that they survive a power cut.
  package mutating func sync() throws(Fault) {
    try flush()
    if let failure { throw failure }
    if let files {
      try files.results.sync()
      return try files.journal.sync()
    }
    do throws(Errno) {
      try stream?.sync()
    } catch {
      // fsync(2) fails with EINVAL on pipes and terminals, which need no flush.
      if error == .invalidArgument { return }
      throw Fault("cannot flush \(name)", cause: error)
    }
  }
}
