// The options for results, summary and status updates.
import ArgumentParser
import Engine
import Kernel
import Scan

struct OutputOptions: ParsableArguments {
  @Option(name: .shortAndLong, help: "File for results. (default: standard output)")
  var outputFile: String?

  @Option(
    name: [.customShort("O"), .long], help: "Format of results: csv, or json with one object a line.")
  var outputModule: OutputFormat = .csv

  @Option(
    name: [.customShort("f"), .long],
    help: "Fields of results, by ZMap's names. (default: saddr,sport)",
    transform: parsedFields)
  var outputFields: [ResultField]?

  @Option(name: .shortAndLong, help: "File for the summary (JSON).")
  var metadataFile: String?

  @Option(name: [.customShort("u"), .long], help: "File for status updates, one CSV row a second.")
  var statusUpdatesFile: String?

  @Flag(name: .shortAndLong, help: "Print neither progress nor the final account on standard error.")
  var quiet = false

  @Flag(name: .shortAndLong, help: "Print progress even if standard error is not a terminal.")
  var verbose = false

  var formatter: ResultFormatter {
    ResultFormatter(format: outputModule, fields: outputFields ?? ResultField.standard)
  }

  var resultsName: String { Self.isStandardOutput(outputFile) ? "standard output" : outputFile ?? "" }

  private static func isStandardOutput(_ path: String?) -> Bool { path == nil || path == "-" }
  private static func isFile(_ path: String?) -> Bool { !isStandardOutput(path) }

  /// Opens all outputs before the drop, so that one that cannot be written fails the scan before it begins. `clear` must
  /// follow.
  func open() throws(Fault) -> OutputFiles {
    let results = try Self.open(outputFile ?? "-")
    let position = Self.isStandardOutput(outputFile) ? results.writePosition ?? 0 : 0
    let metadata = try metadataFile.map(Self.open)
    let status = try statusUpdatesFile.map(Self.open)
    return OutputFiles(
      results: results, position: position, metadata: metadata, status: status)
  }

  private static func open(_ path: String) throws(Fault) -> Descriptor {
    path == "-" ? try Descriptor.standardOutput() : try Files.create(path, keepsContent: true)
  }

  /// Truncates the outputs, once a mistake in the input can no longer cost the results of an earlier scan.
  func clear(_ files: borrowing OutputFiles) throws(Fault) {
    do throws(Errno) {
      if Self.isFile(outputFile) { try files.results.clear() }
      if Self.isFile(metadataFile) { try files.metadata?.clear() }
      if Self.isFile(statusUpdatesFile) { try files.status?.clear() }
    } catch {
      throw Fault("cannot truncate an output", cause: error)
    }
  }
}

struct OutputFiles: ~Copyable {
  let results: Descriptor
  /// Bytes that precede the results in their file.
  let position: Int
  let metadata: Descriptor?
  let status: Descriptor?
}

/// The status updates file (`-u`): a header and a row a second.
struct StatusFile: ~Copyable {
  private let file: Descriptor?
  private var last: ScanSnapshot?
  private var hasHeader = false

  init(_ file: consuming Descriptor?) { self.file = consume file }

  mutating func write(_ progress: ScanSnapshot) throws(Fault) {
    guard file != nil else { return }
    let header = hasHeader ? "" : ScanSnapshot.statusHeader
    hasHeader = true
    do throws(Errno) {
      try file?.writeAll(Array((header + progress.statusRow(since: last)).utf8))
    } catch {
      throw Fault("cannot write the status updates file", cause: error)
    }
    last = progress
  }
}
