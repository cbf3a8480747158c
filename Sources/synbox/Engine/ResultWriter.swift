// Where results go: whole lines, in few writes.
import Kernel
import Scan
import Spool
import Wire

/// Formats results and writes them out. A line is written whole or not at all, so that the output is well
/// formed whenever the process ends, by SIGKILL too (`ResultPages`).
struct ResultWriter: ~Copyable {
  /// A file, pipe or terminal that somebody named; nil for a job.
  private let stream: Descriptor?
  private let name: String
  /// A job's results, and the answers that they came from.
  private let files: JobFiles?
  private var pages: ResultPages
  /// The answers behind the results in the pages; a job's only.
  private var answers: [UInt8] = []
  private(set) var written: UInt64 = 0
  /// Why a job's results cannot be written for now. They stay in memory.
  private(set) var failure: Fault?

  /// Bytes that may wait for their disk before no more replies are taken.
  private static let bufferedMax = 1 << 24

  /// - Parameters:
  ///   - position: bytes that stand in the output already.
  ///   - name: for errors.
  init(
    _ output: consuming Descriptor, position: Int = 0, name: String, formatter: ResultFormatter
  ) {
    stream = consume output
    self.name = name
    files = nil
    pages = ResultPages(formatter, position: position)
  }

  /// Goes on where a job's results end.
  init(_ files: JobFiles, formatter: ResultFormatter) {
    stream = nil
    name = files.results.path
    self.files = files
    written = files.checkpoint?.totals[.written] ?? 0
    let position = Int(files.results.mark.length)
    pages = ResultPages(formatter, position: position, beginsOutput: position == 0)
  }

  mutating func write(_ result: ScanResult) throws(Fault) {
    pages.append(result)
    if files != nil { JournalRecord(result.reply).append(to: &answers) }
    written += 1
    if pages.bytes.count >= 1 << 16, failure == nil { try flush() }
  }

  var isFull: Bool { failure != nil && pages.bytes.count + answers.count >= Self.bufferedMax }

  /// Hands all that waits to the kernel. Where a job's cannot be written `failure` says so.
  mutating func flush() throws(Fault) {
    guard let files else { return try writeStream() }
    do throws(Fault) {
      try pages.flush { (bytes, pieces) throws(Fault) in
        try files.results.append(bytes, pieces: pieces)
      }
      if !answers.isEmpty {
        try files.journal.append(answers)
        answers.removeAll(keepingCapacity: true)
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
        remedy: error == .brokenPipe ? "Its reader has gone" : nil)
    }
  }

  /// Flushed to the device: a power cut loses nothing that was written before.
  mutating func sync() throws(Fault) {
    try flush()
    if let failure { throw failure }
    if let files {
      try files.results.sync()
      return try files.journal.sync()
    }
    do throws(Errno) {
      try stream?.sync()
    } catch {
      // Pipes and terminals cannot be synced, and need not.
      if error == .invalidArgument { return }
      throw Fault("cannot flush \(name)", cause: error)
    }
  }
}
