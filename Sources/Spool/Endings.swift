// Ending a job: one rename moves its directory to results/ or rejected/.
import Kernel
import Scan

extension Spool {
  /// Moves a job to rejected/ with its target file and the reason. Returns its name there.
  ///
  /// - Parameter reason: one line for each error: where, what was found, what was expected.
  public func reject(_ job: Job, reason: String) throws(Fault) -> String {
    try Files.replace(
      "\(job.directory)/reason.txt", with: Array("\(reason)\n".utf8), durable: true)
    try removeInternalFiles(of: job, keeping: ["reason.txt"])
    return try move(job, to: data.rejected)
  }

  /// Moves a job to results/ with its target file, results and summary. Returns its name there.
  ///
  /// The directory appears in results/ complete, even after a power cut.
  public func finish(_ job: Job, summary: Summary, format: OutputFormat) throws(Fault) -> String {
    try Files.sync(job.partialResultsPath)
    try Files.replace("\(job.directory)/summary.json", with: summary.json, durable: true)
    // This rename marks the job as complete: recovery moves such a job and does not resume it.
    try Files.rename(job.partialResultsPath, to: "\(job.directory)/\(format.fileName)")
    try Files.syncDirectory(job.directory)
    return try moveFinished(job)
  }

  func moveFinished(_ job: Job) throws(Fault) -> String {
    try removeInternalFiles(of: job, keeping: OutputFormat.fileNames.union(["summary.json"]))
    return try move(job, to: data.results)
  }

  /// Removes the box's files from a job's directory, above all job.json, which contains the key.
  func removeInternalFiles(of job: Job, keeping: Set<String>) throws(Fault) {
    for name in JobName.reserved.subtracting(keeping).sorted() {
      let path = "\(job.directory)/\(name)"
      if Files.kind(of: path) != nil { try Files.remove(path) }
    }
    try Files.syncDirectory(job.directory)
  }

  private func move(_ job: Job, to parent: String) throws(Fault) -> String {
    // The name was unique when the job was claimed; an operator may have used it since.
    let isUnused = Files.kind(of: "\(parent)/\(job.name)") == nil
    let name = isUnused ? job.name : data.uniqueName(for: job.name)
    try Files.rename(job.directory, to: "\(parent)/\(name)")
    try Files.syncDirectory(parent)
    try Files.syncDirectory(data.active)
    return name
  }
}

extension OutputFormat {
  /// The possible names of the results file in results/NAME/.
  static let fileNames = Set(allCases.map(\.fileName))

  /// The name of the results file in results/NAME/.
  var fileName: String {
    switch self {
    case .csv: "results.csv"
    case .json: "results.jsonl"
    }
  }
}
