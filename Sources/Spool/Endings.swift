// How a job ends: its directory moves, by one rename, to where its operator finds it.
import Kernel
import Scan

extension Spool {
  /// Moves a job to rejected/ with its target file and the reason; the name it has there.
  ///
  /// - Parameter reason: the place, what was found, what was expected; a line each.
  public func reject(_ job: Job, reason: String) throws(Fault) -> String {
    try Files.replace(
      "\(job.directory)/reason.txt", with: Array("\(reason)\n".utf8), durable: true)
    try removeOwn(of: job, keeping: ["reason.txt"])
    return try move(job, to: data.rejected)
  }

  /// Moves a job to results/ with its target file, results and summary; the name it has there. Whoever
  /// sees the directory there sees all of it, after a power cut too.
  public func finish(_ job: Job, summary: Summary, format: OutputFormat) throws(Fault) -> String {
    try Files.sync(job.partial)
    try Files.replace("\(job.directory)/summary.json", with: summary.json, durable: true)
    // The mark that the job is complete: from here on it is moved, and not taken up again.
    try Files.rename(job.partial, to: "\(job.directory)/\(format.fileName)")
    try Files.syncDirectory(job.directory)
    return try moveFinished(job)
  }

  func moveFinished(_ job: Job) throws(Fault) -> String {
    try removeOwn(of: job, keeping: OutputFormat.fileNames.union(["summary.json"]))
    return try move(job, to: data.results)
  }

  /// Removes what the box made in a job's directory and nobody needs any more; the key above all.
  func removeOwn(of job: Job, keeping: Set<String>) throws(Fault) {
    for name in JobName.own.subtracting(keeping).sorted() {
      let path = "\(job.directory)/\(name)"
      if Files.kind(of: path) != nil { try Files.remove(path) }
    }
    try Files.syncDirectory(job.directory)
  }

  private func move(_ job: Job, to parent: String) throws(Fault) -> String {
    // Only an operator can have taken the name meanwhile.
    let isFree = Files.kind(of: "\(parent)/\(job.name)") == nil
    let name = isFree ? job.name : data.freeName(for: job.name)
    try Files.rename(job.directory, to: "\(parent)/\(name)")
    try Files.syncDirectory(parent)
    try Files.syncDirectory(data.active)
    return name
  }
}

extension OutputFormat {
  /// The names that results have in results/NAME/.
  static let fileNames = Set(allCases.map(\.fileName))

  /// The results' name in results/NAME/.
  var fileName: String {
    switch self {
    case .csv: "results.csv"
    case .json: "results.jsonl"
    }
  }
}
