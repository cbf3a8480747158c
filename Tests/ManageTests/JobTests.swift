// The list of jobs, and what is said of each.
import BoxAPI
import Foundation
import Testing

@testable import Manage

@Suite(.timeLimit(.minutes(5))) struct `The list of jobs` {
  private func status() -> BoxSnapshot {
    var status = BoxSnapshot(time: Timestamp(nanoseconds: 0), state: .scanning)
    var progress = JobProgress()
    progress.fraction = 0.25
    progress.counters[.results] = 7
    status.job = JobStatus(name: "running", priority: 50, resumed: 0, progress: progress)
    status.cooling = [JobStatus(name: "cooling", priority: 50, resumed: 0, progress: progress)]
    status.queue = [
      QueuedJob(name: "second", priority: 40, state: "queued"),
      QueuedJob(name: "preempted", priority: 30, state: "preempted"),
      QueuedJob(name: "first", priority: 20, state: "queued"),
    ]
    return status
  }

  private func list(_ status: BoxSnapshot?, _ spool: [String], _ ended: [EndedJob]) -> [String] {
    ListedJob.list(status, spool: spool, ended: ended).map { "\($0.name) \($0.state.rawValue)" }
  }

  @Test func `begins with the jobs that run and ends with the oldest that ended`() {
    let ended = [
      EndedJob(name: "old", isFinished: true, ended: 1),
      EndedJob(name: "bad", isFinished: false, ended: 3),
      EndedJob(name: "new", isFinished: true, ended: 2, isFetched: true),
    ]
    #expect(
      list(status(), ["first", "second", "new-in-spool"], ended) == [
        "running scanning", "cooling cooldown", "second queued", "preempted preempted", "first queued",
        "new-in-spool queued", "bad rejected", "new finished", "old finished",
      ])
  }

  @Test func `believes the directories more than an old status`() {
    #expect(
      list(status(), [], [EndedJob(name: "running", isFinished: true, ended: 1)]) == [
        "cooling cooldown", "preempted preempted", "running finished",
      ])
  }

  @Test func `does without a status, and shows no job as running when the scanner has stopped`() {
    #expect(list(nil, ["b", "a"], []) == ["a queued", "b queued"])
    var stopped = status()
    stopped.state = .stopped
    #expect(list(stopped, [], []) == ["preempted preempted"])
  }

  @Test func `is selected by state, offset and limit`() throws {
    let jobs = ListedJob.list(status(), spool: ["first", "second"], ended: [])
    let page = try JobQuery(["state": "queued", "offset": "1", "limit": "5"]).select(jobs)
    #expect(page.total == 2)
    #expect(page.jobs.map(\.name) == ["first"])
    #expect(try JobQuery([:]).select(jobs).total == 5)
    for query in [
      ["state": "lost"], ["limit": "0"], ["limit": "1001"], ["limit": "-1"], ["limit": "+1"],
      ["offset": "x"],
      ["offset": ""], ["limit": "1e3"], ["offset": "99999999999999999999"],
    ] {
      #expect(throws: Problem.self) { try JobQuery(query) }
    }
  }

  @Test func `says of each job what is known`() throws {
    var job = ListedJob.list(status(), spool: [], ended: [])[0]
    job.add(JobOwner(owner: "alice", submitted: Timestamp(nanoseconds: 0)))
    #expect(
      String(decoding: JSONText.line(job), as: UTF8.self)
        == #"{"name": "running", "state": "scanning", "owner": "alice", "submitted": "1970-01-01T00:00:00.000Z", "#
        + #""priority": 50, "progress": 0.25, "rate_pps": 0.0, "results": 7}"#)
    var ended = ListedJob(name: "x", state: .finished)
    ended.add(
      summary: Array(
        #"{"results_written": 12, "ended": "2026-11-29T06:00:00.000Z", "ended_because": "completed"}"#
          .utf8))
    #expect(ended.results == 12 && ended.endedBecause == "completed")
    ended.add(summary: Array("{".utf8))
    #expect(ended.results == 12)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `Whoever owns a job` {
  @Test func `may change it, and so may an administrator`() throws {
    let owner = JobOwner(owner: "alice", submitted: Timestamp(nanoseconds: 0))
    try JobRule.requireOwner(owner, of: "j", Principal(name: "alice", role: .submit))
    try JobRule.requireOwner(owner, of: "j", Principal(name: "bob", role: .admin))
    try JobRule.requireOwner(nil, of: "j", Principal(name: "bob", role: .admin))
    for other in [owner, nil] {
      let problem = #expect(throws: Problem.self) {
        try JobRule.requireOwner(other, of: "j", Principal(name: "bob", role: .submit))
      }
      #expect(problem?.status == 403)
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct `Events` {
  @Test func `tell of each job whose state has changed`() {
    var feed = EventFeed()
    #expect(feed.changes([ListedJob(name: "a", state: .queued)]).isEmpty)
    #expect(feed.changes([ListedJob(name: "a", state: .queued)]).isEmpty)
    let changes = feed.changes([
      ListedJob(name: "a", state: .scanning), ListedJob(name: "b", state: .queued),
    ])
    #expect(
      changes.map { String(decoding: $0, as: UTF8.self) } == [
        "event: job\ndata: {\"name\": \"a\", \"state\": \"scanning\"}\n\n",
        "event: job\ndata: {\"name\": \"b\", \"state\": \"queued\"}\n\n",
      ])
  }

  @Test func `of a client that does not read are bounded, and it is told`() {
    var queue = EventQueue()
    #expect(queue.isEmpty)
    let job = EventFeed.event("job", data: [UInt8](repeating: 0x31, count: 1000))
    for _ in 0..<1000 { queue.add(job: job) }
    for _ in 0..<10 { queue.add(status: EventFeed.event("status", data: Array("{}".utf8))) }
    let sent = String(decoding: queue.take(), as: UTF8.self)
    #expect(sent.utf8.count < EventQueue.capacity + 200)
    #expect(sent.hasSuffix("event: overrun\ndata: {}\n\nevent: status\ndata: {}\n\n"))
    #expect(queue.isEmpty)
  }

  @Test func `stay on one line whatever the status looks like`() {
    let event = EventFeed.event("status", data: Array("{\n  \"a\": 1,\r\n  \"b\": 2\n}\n".utf8))
    #expect(event.count { $0 == 10 } == 3)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `JSON of others` {
  @Test(arguments: [
    ("{\n  \"a\": 1\n}\n", #"{"# + "\n  \"a\": 1, \"m\": {\"x\": 2}}"), ("{}", #"{"m": {"x": 2}}"#),
    (" { } ", #" {"m": {"x": 2}}"#),
  ])
  func `gets a member and keeps its own`(_ text: String, _ expected: String) throws {
    let sum = try #require(JSONText.adding("m", Array(#"{"x": 2}"#.utf8), to: Array(text.utf8)))
    #expect(String(decoding: sum, as: UTF8.self) == expected)
    #expect(JSONText.isObject(sum))
  }

  @Test(arguments: ["", "1", "[]", "{", "{\"a\":}", "{} {}", "\"}\""])
  func `that is no object is refused`(_ text: String) {
    #expect(JSONText.adding("m", Array("1".utf8), to: Array(text.utf8)) == nil)
    #expect(!JSONText.isObject(Array(text.utf8)))
  }
}
