// Jobs: which there are, whose they are, and what may be done with them.
import BoxAPI
import Kernel
import Manage
import Spool

extension DataFolder {
  /// Returns the name of a path of the API as the name of a job.
  ///
  /// - Throws: a `Problem` with status 404 if no job can have it.
  public static func jobName(_ bytes: [UInt8]) throws(Problem) -> String {
    let name = FileName(bytes: bytes)
    guard reason(against: name) == nil, let text = name.text else {
      throw Problem.notFound("no job can be called \"\(name)\"")
    }
    return text
  }

  /// Returns the name of a new job.
  ///
  /// - Throws: a `Problem` with status 400 that says what is wrong with it.
  public static func newName(_ bytes: [UInt8]) throws(Problem) -> String {
    let name = FileName(bytes: bytes)
    if let reason = reason(against: name) {
      throw Problem(
        400, "The name cannot be used", "found \(reason.found), expected \(reason.expected)")
    }
    guard let text = name.text else { throw Problem.malformed("the name is not UTF-8") }
    return text
  }

  private static func reason(against name: FileName) -> (found: String, expected: String)? {
    if name.bytes.isEmpty || name.bytes.contains(UInt8(ascii: "/")) || name.bytes.contains(0) {
      return ("the name \"\(name)\"", "a file name without slashes")
    }
    if JobName.isHidden(name) {
      return ("the name \"\(name)\"", "one that does not begin with . or end in .part")
    }
    if name.bytes.suffix(7).elementsEqual(Array(".cancel".utf8)) {
      return ("the name \"\(name)\"", "one that does not end in .cancel, which would cancel a job")
    }
    return JobName.rejectionReason(for: name)
  }

  // MARK: Lists

  /// All jobs.
  public func jobs() throws(Problem) -> [ListedJob] {
    do throws(Errno) {
      let ended = try endedJobs(results, isFinished: true) + endedJobs(rejected, isFinished: false)
      return ListedJob.list(status(), spool: try spooled(), ended: ended)
    } catch {
      throw Problem(500, "The service failed", "cannot list the jobs: \(error)")
    }
  }

  /// A part of the list, with what summaries and owners add.
  public func jobs(_ query: JobQuery) throws(Problem) -> JobPage {
    var (selected, total) = query.select(try jobs())
    for index in selected.indices { complete(&selected[index]) }
    return JobPage(jobs: selected, total: total)
  }

  /// The target files in the spool.
  private func spooled() throws(Errno) -> [String] {
    try spool.entries().compactMap { name in
      Self.reason(against: name) == nil ? name.text : nil
    }
  }

  private func endedJobs(_ directory: borrowing Directory, isFinished: Bool) throws(Errno) -> [EndedJob]
  {
    var jobs: [EndedJob] = []
    for name in try directory.entries() {
      guard let text = name.text, let job = endedJob(text, in: directory, isFinished: isFinished) else {
        continue
      }
      jobs.append(job)
    }
    return jobs
  }

  private func endedJob(_ name: String, in directory: borrowing Directory, isFinished: Bool)
    -> EndedJob?
  {
    let file = FileName(name)
    // The last file that the box writes, because marks and retention change the directory itself.
    let last = FileName(isFinished ? "summary.json" : "reason.txt")
    guard let status = directory.status(file), status.kind == .directory else { return nil }
    return EndedJob(
      name: name, isFinished: isFinished, ended: (directory.status(file, last) ?? status).modified,
      isFetched: isFinished && directory.status(file, FileName(Spool.fetchedMarker)) != nil)
  }

  // MARK: One job

  /// Finds a job wherever it is.
  ///
  /// - Throws: a `Problem` with status 404 if there is none.
  public func job(_ name: String) throws(Problem) -> ListedJob {
    let ended =
      endedJob(name, in: results, isFinished: true) ?? endedJob(name, in: rejected, isFinished: false)
    let waiting = spool.status(FileName(name))?.kind == .file ? [name] : []
    let found = ListedJob.list(status(), spool: waiting, ended: ended.map { [$0] } ?? []).first {
      $0.name == name
    }
    guard var job = found ?? justClaimed(name) else {
      throw Problem.notFound("there is no job \"\(FileName(name))\"")
    }
    complete(&job)
    return job
  }

  /// Returns a job that the scanner has taken from the spool since it last wrote its status; nil if there is none.
  private func justClaimed(_ name: String) -> ListedJob? {
    let isQueued = status()?.queue.contains { $0.name == name } ?? false
    return isQueued || isInUse(name) ? ListedJob(name: name, state: .claimed) : nil
  }

  /// The answer about one job: with its files, its summary or its reason.
  public func jobText(_ name: String) throws(Problem) -> [UInt8] {
    var job = try job(name)
    let file = FileName(name)
    var summary: [UInt8]?
    if job.state == .finished {
      job.files = files(of: file)
      summary = try? results.read(file, FileName("summary.json"), limit: Self.summaryLimit)
    } else if job.state == .rejected,
      let reason = try? rejected.read(file, FileName("reason.txt"), limit: Self.summaryLimit)
    {
      var text = String(decoding: reason, as: UTF8.self)
      while text.last == "\n" { text.removeLast() }
      job.reason = text
    }
    let text = JSONText.line(job)
    return summary.flatMap { JSONText.adding("summary", $0, to: text) } ?? text
  }

  private func files(of job: FileName) -> [JobFile]? {
    guard let directory = try? results.directory(job), let names = try? directory.entries() else {
      return nil
    }
    return names.compactMap { name in
      guard name.bytes.first != UInt8(ascii: "."), let text = name.text,
        text != Spool.fetchedMarker, let status = directory.status(name), status.kind == .file
      else { return nil }
      return JobFile(name: text, bytes: status.size)
    }
  }

  private static let summaryLimit = 1 << 20

  private func complete(_ job: inout ListedJob) {
    job.add(owner(of: job.name))
    guard job.state == .finished else { return }
    let name = FileName(job.name)
    if let text = try? results.read(name, FileName("summary.json"), limit: Self.summaryLimit) {
      job.add(summary: text)
    }
  }

  // MARK: Changes

  /// Asks the box to end a job.
  ///
  /// - Returns: the job as it was.
  public func cancel(_ name: String, by principal: Principal) throws(Problem) -> ListedJob {
    let job = try job(name)
    try JobRule.requireOwner(owner(of: name), of: name, principal)
    guard !job.state.hasEnded else {
      throw Problem.conflict("the job has already ended: it is \(job.state.rawValue)")
    }
    try requireRoom(for: 0)
    do throws(Errno) {
      try spool.mark(FileName(name + ".cancel"))
      try spool.sync()
    } catch {
      throw Self.problem(writing: "the request to cancel the job", error)
    }
    return job
  }

  /// Marks the results of a job as fetched.
  public func markFetched(_ name: String, by principal: Principal) throws(Problem) {
    let job = try job(name)
    guard job.state == .finished else {
      throw Problem.notFound("the job has no results: it is \(job.state.rawValue)")
    }
    try JobRule.requireOwner(owner(of: name), of: name, principal)
    do throws(Errno) {
      try results.mark(FileName(name), FileName(Spool.fetchedMarker))
      try results.directory(FileName(name)).sync()
    } catch {
      if error == .permissionDenied {
        throw Problem.unavailable(
          "the service may not create files in \(results.path)/\(FileName(name)): the scanner must run with umask 002, and "
            + "active/ must have the service's group and mode 2700 (docs/reference/manage.md)",
          retryAfter: 3600)
      }
      throw Self.problem(writing: "the mark", error)
    }
  }
}
