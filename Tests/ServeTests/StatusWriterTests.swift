// The service that writes the status while no scanner runs, on a real disk that stops responding.
import BoxAPI
import Foundation
import Kernel
import LabSupport
import LabTraits
import Supervision
import Testing

/// PID 1's loop around one status writer.
private final class WriterRun {
  let services: Services
  private(set) var lines: [String] = []
  /// The longest time that one round has taken, in nanoseconds.
  private(set) var slowestRound: UInt64 = 0

  init(source: String, configuration: String, heartbeatSeconds: Int) {
    var writer = ServiceSpecification.statusWriter(
      program: Lab.synbox, source: source, configuration: configuration)
    writer.timing.heartbeatTimeout = UInt64(heartbeatSeconds) * 1_000_000_000
    services = Services([writer], helper: [], reapsOrphans: false, now: Clock.monotonic)
  }

  func round() {
    let began = Clock.monotonic
    for report in services.run(at: began) { lines.append("\(report)") }
    slowestRound = max(slowestRound, Clock.monotonic - began)
    waitForAny(services.descriptors(at: Clock.monotonic), milliseconds: 20)
  }

  func run(until what: String, seconds: Double = 20, _ condition: () throws -> Bool) throws {
    let deadline = Date(timeIntervalSinceNow: seconds * patience)
    while try !condition() {
      guard Date() < deadline else { throw LabError("no \(what): \(lines)") }
      round()
    }
  }

  func end() throws {
    services.stop(at: Clock.monotonic)
    try run(until: "end of the writer") { services.hasStopped }
  }

  func count(_ part: String) -> Int { lines.count { $0.contains(part) } }
}

@Suite(.serialized, .timeLimit(.minutes(5))) struct `The status writer` {
  private let root: URL
  private let disk: Disk

  init() throws {
    root = URL(fileURLWithPath: try Lab.boxDirectory())
    try FileManager.default.createDirectory(
      at: root.appending(path: "data"), withIntermediateDirectories: true)
    disk = try Disk(at: root.appending(path: "data"), megabytes: 32)
    for name in ["run", "etc"] {
      try FileManager.default.createDirectory(
        at: root.appending(path: name), withIntermediateDirectories: false)
    }
    try Data(
      """
      data = "\(root.path)/data"
      interface = "scan0"
      user = "60950:60951"
      nonsense = "the scanner would not start with this"

      """.utf8
    ).write(to: root.appending(path: "etc/synbox.toml"))
  }

  private var source: String { root.appending(path: "run/status.json").path }

  private func remove() {
    disk.remove()
    try? FileManager.default.removeItem(at: root)
  }

  private func publish(_ problem: String) throws {
    var status = BoxSnapshot(
      time: Timestamp(nanoseconds: Clock.realtime), state: .failed, problems: [problem])
    status.pid = 1
    try Files.replace(source, with: status.json, durable: false)
  }

  private func written() -> BoxSnapshot? {
    (try? Data(contentsOf: root.appending(path: "data/status.json"))).flatMap {
      BoxSnapshot(json: Array($0))
    }
  }

  /// Whether another box could start.
  private func canLock() throws -> Bool {
    let lock = try Files.lock(root.appending(path: "data/lock").path)
    return lock != nil
  }

  private func started(heartbeatSeconds: Int = 15) throws -> WriterRun {
    let run = WriterRun(
      source: source, configuration: root.appending(path: "etc/synbox.toml").path,
      heartbeatSeconds: heartbeatSeconds)
    try run.run(until: "first status") { run.count("up(") == 1 }
    return run
  }

  @Test func `writes what PID 1 says and what the disk says, without privileges, as the box's user`()
    throws
  {
    defer { remove() }
    try publish("no NIC matches")
    let run = try started()
    #expect(run.count("uid 60950, CapEff 0000000000000000, Seccomp 2") == 1, "\(run.lines)")
    let status = try #require(written())
    #expect(status.problems == ["no NIC matches"] && status.state == .failed && status.pid == 1)
    #expect((status.disk?.totalBytes ?? 0) > 1_000_000)
    #expect(Files.status(of: root.appending(path: "data/status.json").path)?.owner == 60_950)
    let metrics = try String(contentsOf: root.appending(path: "data/metrics.prom"), encoding: .utf8)
    #expect(metrics.contains("synbox_"))
    try publish("another")
    try run.run(until: "the change") { written()?.problems == ["another"] }
    // A scanner could not start beside it, and can once it has been asked to end.
    #expect(try !canLock())
    run.services.suspend(0, at: Clock.monotonic)
    try run.run(until: "its end") { !run.services.isRunning(0) }
    #expect(try canLock())
    run.services.resume(0, at: Clock.monotonic)
    try run.run(until: "a second start") { run.count("up(") == 2 }
    #expect(run.count("unconfined") == 0, "\(run.lines)")
    try run.end()
  }

  @Test func `stands still with its disk, and PID 1 does not`() throws {
    defer { remove() }
    try publish("before")
    let run = try started(heartbeatSeconds: 2)
    try disk.freeze()
    try publish("while the disk stands still")
    try run.run(until: "its death sentence") { run.count("killed(") == 1 }
    // It cannot die, and PID 1 does not wait for it.
    let until = Clock.monotonic + 3_000_000_000
    while Clock.monotonic < until { run.round() }
    #expect(run.services.isRunning(0) && run.services.starts(of: 0) == 1)
    run.services.suspend(0, at: Clock.monotonic)
    run.services.resume(0, at: Clock.monotonic)
    #expect(run.slowestRound < 500_000_000, "a round took \(run.slowestRound) ns")
    try disk.thaw()
    try run.run(until: "the status") {
      written()?.problems == ["while the disk stands still"] && run.count("up(") == 2
    }
    #expect(run.count("ended(") == 1 && run.services.starts(of: 0) == 2)
    try run.end()
  }

  @Test func `ends with the reason if it cannot write`() throws {
    defer { remove() }
    try Data("{".utf8).write(to: URL(fileURLWithPath: source))
    let run = WriterRun(
      source: source, configuration: root.appending(path: "etc/synbox.toml").path,
      heartbeatSeconds: 15)
    try run.run(until: "its end") { run.count("ended(") == 1 }
    #expect(run.count("\(source) is no status") == 1, "\(run.lines)")
    try run.end()
  }
}
