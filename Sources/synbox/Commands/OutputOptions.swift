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

  /// Opens all outputs before the drop, so that one that cannot be written fails the scan before it begins.
  func open() throws(Fault) -> OutputFiles {
    let results =
      Self.isStandardOutput(outputFile)
      ? try Descriptor.standardOutput() : try Files.create(outputFile ?? "")
    let position = results.writePosition ?? 0
    let metadata = try Self.create(metadataFile)
    let status = try Self.create(statusUpdatesFile)
    return OutputFiles(
      results: results, position: position, metadata: metadata, status: status)
  }

  private static func create(_ path: String?) throws(Fault) -> Descriptor? {
    guard let path else { return nil }
    return path == "-" ? try Descriptor.standardOutput() : try Files.create(path)
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
