// The options that say where results, summary and status go.
import ArgumentParser
import Kernel
import Scan

struct OutputOptions: ParsableArguments {
  @Option(name: .shortAndLong, help: "Write results here. Default: standard output.")
  var outputFile: String?

  @Option(name: [.customShort("O"), .long], help: "csv, or json: one object a line.")
  var outputModule: OutputFormat = .csv

  @Option(
    name: [.customShort("f"), .long], help: "Fields by ZMap's names (saddr,sport).",
    transform: parsedFields)
  var outputFields: [ResultField]?

  @Option(name: .shortAndLong, help: "Write the summary, JSON, here.")
  var metadataFile: String?

  @Option(name: [.customShort("u"), .long], help: "Write a CSV row a second here.")
  var statusUpdatesFile: String?

  @Flag(name: .shortAndLong, help: "No progress, no summary on the terminal.")
  var quiet = false

  @Flag(name: .shortAndLong, help: "Progress also where standard error is no terminal.")
  var verbose = false

  var formatter: ResultFormatter {
    ResultFormatter(format: outputModule, fields: outputFields ?? ResultField.standard)
  }

  var resultsName: String { Self.isStandardOutput(outputFile) ? "standard output" : outputFile ?? "" }

  private static func isStandardOutput(_ path: String?) -> Bool { path == nil || path == "-" }

  /// Opens all of them before privileges go; an output that cannot be written stops the scan before it
  /// begins.
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
  /// Bytes that stand before the results in their file.
  let position: Int
  let metadata: Descriptor?
  let status: Descriptor?
}

/// The file of `-u`: a header and a row a second.
struct StatusFile: ~Copyable {
  private let file: Descriptor?
  private var last: Progress?
  private var hasHeader = false

  init(_ file: consuming Descriptor?) { self.file = consume file }

  mutating func write(_ progress: Progress) throws(Fault) {
    guard file != nil else { return }
    let header = hasHeader ? "" : Progress.statusHeader
    hasHeader = true
    do throws(Errno) {
      try file?.writeAll(Array((header + progress.statusRow(since: last)).utf8))
    } catch {
      throw Fault("cannot write the status file", cause: error)
    }
    last = progress
  }
}
