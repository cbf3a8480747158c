// Jobs as the service shows them, from the status and the directories.
import BoxAPI

/// Who submitted a job through this service, and when.
public struct JobOwner: Hashable, Sendable, Codable {
  /// The version of the format of the file that holds it.
  public static let currentFormat = 1

  public var format = currentFormat
  public let owner: String
  public let submitted: Timestamp

  public init(owner: String, submitted: Timestamp) {
    self.owner = owner
    self.submitted = submitted
  }
}

/// A file of a finished job.
public struct JobFile: Hashable, Sendable, Codable {
  public let name: String
  public let bytes: UInt64

  public init(name: String, bytes: UInt64) {
    self.name = name
    self.bytes = bytes
  }
}

/// A job, as `GET /v1/jobs` lists it.
public struct ListedJob: Hashable, Sendable, Encodable {
  public enum State: String, CaseIterable, Sendable, Encodable {
    case preparing, scanning, cooldown
    case queued, claimed, interrupted, preempted, paused
    case finished, rejected

    public var hasEnded: Bool { self == .finished || self == .rejected }
  }

  public let name: String
  public var state: State
  public var owner: String?
  public var submitted: Timestamp?
  public var priority: UInt64?
  public var progress: Double?
  public var secondsRemaining: Double?
  public var rate: Double?
  public var results: UInt64?
  public var ended: Timestamp?
  public var endedBecause: String?
  public var fetched: Bool?
  public var reason: String?
  public var files: [JobFile]?

  public init(name: String, state: State) {
    self.name = name
    self.state = state
  }

  enum CodingKeys: String, CodingKey {
    case name, state, owner, submitted, priority, progress
    case secondsRemaining = "seconds_remaining"
    case rate = "rate_pps"
    case results, ended
    case endedBecause = "ended_because"
    case fetched, reason, files
  }

  /// Adds what the summary of a finished job says.
  public mutating func add(summary: [UInt8]) {
    guard let summary = JSONText.read(SummaryFields.self, summary) else { return }
    results = summary.results
    endedBecause = summary.endedBecause
    if let text = summary.ended { ended = Timestamp(text: text) }
  }

  private struct SummaryFields: Decodable {
    let results: UInt64?
    let ended: String?
    let endedBecause: String?

    enum CodingKeys: String, CodingKey {
      case results = "results_written"
      case ended
      case endedBecause = "ended_because"
    }
  }

  public mutating func add(_ owner: JobOwner?) {
    self.owner = owner?.owner
    submitted = owner?.submitted
  }

  private init(_ status: JobStatus, _ state: State) {
    self.init(name: status.name, state: status.progress == nil ? .preparing : state)
    priority = status.priority
    guard let progress = status.progress else { return }
    self.progress = progress.fraction
    secondsRemaining = progress.remaining
    rate = progress.rate
    results = progress.counters[.results]
  }

  private init(_ queued: QueuedJob) {
    self.init(name: queued.name, state: State(rawValue: queued.state) ?? .queued)
    priority = queued.priority
  }
}

/// A directory in `results/` or `rejected/`.
public struct EndedJob: Hashable, Sendable {
  public let name: String
  public let isFinished: Bool
  /// When it ended, nanoseconds since 1970.
  public let ended: UInt64
  public let isFetched: Bool

  public init(name: String, isFinished: Bool, ended: UInt64, isFetched: Bool = false) {
    self.name = name
    self.isFinished = isFinished
    self.ended = ended
    self.isFetched = isFetched
  }
}

extension ListedJob {
  private init(_ job: EndedJob) {
    self.init(name: job.name, state: job.isFinished ? .finished : .rejected)
    ended = Timestamp(nanoseconds: job.ended)
    if job.isFinished { fetched = job.isFetched }
  }

  /// Lists all jobs: first those that run, then those that wait, in their order, then those that ended, the latest first.
  /// Each name stands there once. The status may be a second old, so that the directories win.
  ///
  /// - Parameter spool: the names of the target files in the spool.
  public static func list(_ status: BoxSnapshot?, spool: [String], ended: [EndedJob]) -> [ListedJob] {
    var jobs: [ListedJob] = []
    var seen = Set(ended.map(\.name))
    func add(_ job: ListedJob) { if seen.insert(job.name).inserted { jobs.append(job) } }
    if let status, !status.isFinal {
      if let job = status.job { add(ListedJob(job, .scanning)) }
      for job in status.cooling { add(ListedJob(job, .cooldown)) }
    }
    let waiting = Set(spool)
    for job in status?.queue ?? [] where job.state != "queued" || waiting.contains(job.name) {
      add(ListedJob(job))
    }
    for name in spool.sorted() { add(ListedJob(name: name, state: .queued)) }
    let latestFirst = ended.sorted { ($1.ended, $0.name) < ($0.ended, $1.name) }
    return jobs + latestFirst.map { ListedJob($0) }
  }
}

/// What `GET /v1/jobs` asks for.
public struct JobQuery: Hashable, Sendable {
  public var state: ListedJob.State?
  public var offset = 0
  public var limit = 100

  public init(_ query: [String: String]) throws(Problem) {
    if let text = query["state"] {
      guard let state = ListedJob.State(rawValue: text) else {
        let names = ListedJob.State.allCases.map(\.rawValue).joined(separator: ", ")
        throw Problem.malformed("state: found another word, expected one of \(names)")
      }
      self.state = state
    }
    offset = try Self.number(query, "offset", 0...1_000_000) ?? 0
    limit = try Self.number(query, "limit", 1...1000) ?? 100
  }

  private static func number(_ query: [String: String], _ name: String, _ range: ClosedRange<Int>)
    throws(Problem) -> Int?
  {
    guard let text = query[name] else { return nil }
    guard text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
      let number = Int(text), range.contains(number)
    else {
      throw Problem.malformed(
        "\(name): expected a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// Returns the jobs that were asked for, and how many there are without `offset` and `limit`.
  public func select(_ jobs: [ListedJob]) -> (jobs: [ListedJob], total: Int) {
    let matching = state.map { state in jobs.filter { $0.state == state } } ?? jobs
    return (Array(matching.dropFirst(offset).prefix(limit)), matching.count)
  }
}

/// The answer to `GET /v1/jobs`.
public struct JobPage: Encodable, Sendable {
  let jobs: [ListedJob]
  let total: Int

  public init(jobs: [ListedJob], total: Int) {
    self.jobs = jobs
    self.total = total
  }
}

/// The answer to a target file that is in the spool.
public struct Submitted: Encodable, Sendable {
  let name: String
  let bytes: UInt64
  let sha256: String
  let owner: String

  public init(name: String, bytes: UInt64, sha256: String, owner: String) {
    self.name = name
    self.bytes = bytes
    self.sha256 = sha256
    self.owner = owner
  }
}

/// What a principal may do with a job.
public enum JobRule {
  /// - Throws: a `Problem` unless the job is the principal's own, or the principal an administrator.
  public static func requireOwner(_ owner: JobOwner?, of name: String, _ principal: Principal)
    throws(Problem)
  {
    guard principal.role < .admin, owner?.owner != principal.name else { return }
    let whose = owner.map { "\($0.owner)'s" } ?? "nobody's who used this service"
    throw Problem.forbidden("the job is \(whose), and \(principal.name) is no administrator")
  }
}
