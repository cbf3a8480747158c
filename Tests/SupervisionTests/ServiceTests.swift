// Services as real processes, started as root and confined by the start helper.
import Confinement
import Foundation
import Kernel
import LabSupport
import Supervision
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A service` {
  private func temporaryDirectory() throws -> String {
    let path = "/var/tmp/synbox-service-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    return path
  }

  @Test func `runs as its user, without privileges, under its limits`() throws {
    var service = try Probe.service("test", ["facts", "line:done", "beat:100"], heartbeat: 5) {
      $0.limits = [.openFiles: 64, .threads: 32, .fileSize: 1 << 20, .lockedMemory: 0]
    }
    service.output.keptLines = 50
    let run = try ServiceRun([service])
    try run.run(until: "facts and a check") { $0.lines[0].contains("done") && $0.privileges[0] != nil }
    let lines = run.lines[0]
    #expect(
      lines.contains("user-ids=[65534, 65534, 65534, 65534] [65534, 65534, 65534, 65534] []"),
      "\(lines)")
    #expect(lines.contains("task=0 0 0 0 0 nnp true seccomp disabled"), "\(lines)")
    #expect(lines.contains("packet-socket=EPERM"), "\(lines)")
    for limit in ["open-files=64", "threads=32", "file-size=1048576", "locked-memory=0"] {
      #expect(lines.contains("limit \(limit)"), "\(lines)")
    }
    #expect(lines.contains("HEARTBEAT_FD=3") && lines.contains("LISTEN_FDS=unset"), "\(lines)")
    #expect(run.privileges[0]?.hasPrefix("uid 65534, CapEff 0000000000000000, Seccomp 0") == true)
    try run.end()
    #expect(run.problems.isEmpty, "\(run.problems)")
  }

  @Test func `reaches only the files of its rules`() throws {
    let root = try temporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: root) }
    for name in ["data", "shelf"] {
      try FileManager.default.createDirectory(
        atPath: "\(root)/\(name)", withIntermediateDirectories: false)
    }
    for name in ["data/file", "shelf/file", "outside"] {
      try Data("x".utf8).write(to: URL(fileURLWithPath: "\(root)/\(name)"))
      // Anybody may write to them, so only Landlock can deny it.
      try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: "\(root)/\(name)")
    }
    let actions = ["data/file", "shelf/file", "outside"].flatMap {
      ["open:\(root)/\($0)", "write:\(root)/\($0)"]
    }
    let service = try Probe.service("test", actions + ["open:/etc/passwd", "line:done", "wait"]) {
      $0.readWrite = ["\(root)/data"]
      $0.readOnly = ["\(root)/shelf"]
    }
    let run = try ServiceRun([service])
    try run.run(until: "accesses") { $0.lines[0].contains("done") }
    #expect(
      run.lines[0] == [
        "open \(root)/data/file=OK", "write \(root)/data/file=OK", "open \(root)/shelf/file=OK",
        "write \(root)/shelf/file=EACCES", "open \(root)/outside=EACCES",
        "write \(root)/outside=EACCES",
        "open /etc/passwd=EACCES", "done",
      ])
    try run.end()
  }

  @Test func `gets sockets that listen, and uses them; connections wait while it restarts`() throws {
    let root = try temporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: root) }
    let path = "\(root)/socket"
    var service = try Probe.service("test", ["facts", "line:ready", "greet:3", "end:0"], heartbeat: 20)
    service.sockets = [.init(name: "greeting", address: .unix(path: path, mode: 0o600))]
    let run = try ServiceRun([service])
    let client = try Running(["python3", "-c", Self.client, path])
    try run.run(until: "start") { $0.lines[0].contains("ready") }
    #expect(run.lines[0].contains("LISTEN_FDS=1") && run.lines[0].contains("LISTEN_FDNAMES=greeting"))
    #expect(
      run.lines[0].contains("LISTEN_PID=own") && run.lines[0].contains("HEARTBEAT_FD=4"),
      "\(run.lines[0])")
    try run.run(until: "an answer") { _ in client.text.contains("hello") }
    try run.run(until: "its end") { !$0.ends[0].isEmpty && !$0.services.isRunning(0) }
    // It does not run now, and the connection waits for the next process.
    let second = try Running(["python3", "-c", Self.client, path])
    try run.run(until: "an answer after the restart") { _ in second.text.contains("hello") }
    #expect(run.services.starts(of: 0) >= 2)
    try run.end()
  }

  /// Connects, as soon as the socket is there, and prints what it reads.
  private static let client = """
    import socket, sys, time
    for _ in range(400):
        try:
            s = socket.socket(socket.AF_UNIX)
            s.connect(sys.argv[1])
            break
        except OSError:
            s.close()
            time.sleep(0.05)
    print(s.recv(100).decode(), flush=True)
    """

  @Test func `runs and listens in the network namespace of the services, and nowhere else`() throws {
    let network = try NetworkNamespace.make()
    let enter = ["nsenter", "--net=/proc/\(getpid())/fd/\(network.number)"]
    try mustRun(enter + ["ip", "link", "set", "lo", "up"])
    var service = try Probe.service("test", ["network", "line:ready", "greet:1000"], heartbeat: 20)
    service.network = .services
    service.sockets = [.init(name: "greeting", address: .tcp(address: 0x7f00_0001, port: 47_123))]
    let beside = try Probe.service("beside", ["network", "line:ready", "beat:1000"], heartbeat: 20)
    let run = try ServiceRun([service, beside], network: network)
    try run.run(until: "their start") { run in
      run.lines.allSatisfy { $0.contains("ready") } && run.privileges.allSatisfy { $0 != nil }
    }
    #expect(run.lines[0].first == "network=\(network.identity)")
    #expect(run.lines[1].first == "network=\(try NetworkNamespace.current().identity)")
    #expect(run.problems.isEmpty, "\(run.problems)")
    let client = ["python3", "-c", Self.tcpClient, "47123"]
    let inside = try Running(enter + client)
    try run.run(until: "an answer") { _ in inside.text.contains("hello") }
    #expect(try Running(client).wait().output.contains("refused"))
    try run.end()
  }

  private static let tcpClient = """
    import socket, sys
    try:
        print(socket.create_connection(("127.0.0.1", int(sys.argv[1]))).recv(100).decode(), flush=True)
    except ConnectionRefusedError:
        print("refused")
    """

  @Test func `reports records, and is read no more than others if it reports without end`() throws {
    var plain = try Probe.service(
      "plain", ["report:abcd", "report:efghijkl", "beat:1000"], heartbeat: 20)
    plain.reportSize = 4
    var hostile = try Probe.service("hostile", ["beat:1", "report-spam:wxyz"], heartbeat: 20)
    hostile.reportSize = 4
    let run = try ServiceRun([plain, hostile])
    try run.run(until: "records") { $0.records[0].count == 3 && !$0.records[1].isEmpty }
    #expect(run.records[0] == ["abcd", "efgh", "ijkl"].map { Array($0.utf8) })
    let began = Clock.monotonic
    let before = run.records[1].count
    try run.run(until: "two seconds") { _ in Clock.monotonic - began > 2_000_000_000 }
    // 4096 bytes a second, and what a second's pause gives.
    let seconds = Int((Clock.monotonic - began) / 1_000_000_000) + 2
    #expect(run.records[1].count - before <= seconds * 1024, "\(run.records[1].count - before)")
    #expect(run.slowestRound < 1_000_000_000)
    try run.end()
  }

  @Test func `is not waited for at a pipe that it has closed`() throws {
    var service = try Probe.service("test", ["close-reports", "beat:1000"], heartbeat: 20)
    service.reportSize = 4
    let run = try ServiceRun([service])
    // Its heartbeats and its output remain.
    try run.run(until: "two pipes") {
      $0.beats[0] > 0 && $0.services.descriptors(at: Clock.monotonic).count == 2
    }
    try run.end()
    #expect(run.records[0].isEmpty && run.problems.isEmpty, "\(run.problems)")
  }

  @Test func `is checked once its program has begun, however long that takes`() throws {
    let service = try Probe.service("test", ["line:begun", "wait"])
    let run = try ServiceRun(
      [service], helper: ["/bin/sh", "-c", Self.slowHelper, "sh", try Probe.path])
    try run.run(until: "a check", seconds: 60) { $0.privileges[0] != nil && !$0.lines[0].isEmpty }
    #expect(run.lines[0] == ["begun"] && run.ends[0].isEmpty)
    try run.end()
    #expect(run.problems.isEmpty, "\(run.problems)")
  }

  /// Takes three seconds, as root, before it confines itself.
  private static let slowHelper = "sleep 3; program=$1; shift; exec \"$program\" start-helper \"$@\""

  @Test func `does not start without the network namespace that it needs`() throws {
    var service = try Probe.service("test", ["line:ready", "wait"])
    service.network = .services
    let run = try ServiceRun([service])
    try run.run(until: "its failure") { !$0.problems.isEmpty }
    #expect(
      run.problems.first == "0 not started: there is no network namespace for services",
      "\(run.problems)")
    #expect(run.lines[0].isEmpty)
    try run.end()
  }

  @Test func `is killed when its heartbeats stop, and started again`() throws {
    let service = try Probe.service("test", ["beat:1", "wait"], heartbeat: 2)
    let run = try ServiceRun([service])
    try run.run(until: "a second start") { $0.services.starts(of: 0) == 2 }
    #expect(run.problems == ["0 killed: it sent no heartbeat for 2 s"])
    #expect(run.ends[0].first?.end == .signal(9) && run.ends[0].first?.restart == 1)
    #expect(run.beats[0] >= 10)
    try run.end()
  }

  @Test func `that keeps failing is started after 1, 2 and 4 seconds, with its last lines`() throws {
    let lines = (1...15).map { "line:\($0)" }
    let service = try Probe.service("test", lines + ["end:3"], heartbeat: 5)
    let run = try ServiceRun([service])
    try run.run(until: "three ends", seconds: 30) { $0.ends[0].count == 3 }
    #expect(run.ends[0].map(\.restart) == [1, 2, 4])
    #expect(run.ends[0].allSatisfy { $0.end == .code(3) })
    #expect(run.ends[0].first?.lines == (6...15).map(String.init), "\(run.ends)")
    try run.end()
  }

  @Test func `that has more rights than its rules say does not start`() throws {
    for (change, message) in [
      ({ $0.user = Credentials(uid: 0, gid: 0) }, "must not run as uid 0"),
      ({ $0.readOnly = ["/no/such/directory"] }, "cannot add a Landlock rule for /no/such/directory"),
      ({ $0.readOnly = ["/"] }, "privileges remain after the drop"),
      ({ $0.executable = ["/var/empty-for-synbox"] }, "cannot add a Landlock rule"),
    ] as [((inout StartRules) -> Void, String)] {
      let run = try ServiceRun([try Probe.service("test", ["beat:100"], heartbeat: 5, change)])
      try run.run(until: "its end") { !$0.ends[0].isEmpty }
      #expect(run.ends[0][0].lines.joined().contains(message), "\(run.ends)")
      #expect(run.beats[0] == 0)
      try run.end()
    }
  }

  @Test func `that is to confine itself and does not is killed`() throws {
    var service = try Probe.service("test", ["beat:100"], heartbeat: 5)
    service.drop = .byService
    let run = try ServiceRun([service])
    try run.run(until: "its end") { !$0.ends[0].isEmpty }
    #expect(
      run.problems.first
        == "0 unconfined: thread \(run.problems.first?.split(separator: " ").dropFirst(3).first ?? "") has capabilities",
      "\(run.problems)")
    #expect(run.ends[0][0].end == .signal(9))
    try run.end()
  }

  @Test func `with a table of system calls is ended by any other`() throws {
    let service = try Probe.service("test", ["beat:100"], heartbeat: 5) {
      $0.systemCalls = ["exit_group"]
    }
    let run = try ServiceRun([service])
    try run.run(until: "its end") { !$0.ends[0].isEmpty }
    // The loader's first call. SIGSYS.
    #expect(run.ends[0][0].end == .signal(31))
    #expect(run.beats[0] == 0)
    try run.end()
  }
}

@Suite(.timeLimit(.minutes(5))) struct `Two services` {
  @Test
  func `do not disturb each other: one writes without end, crashes or hangs, and the other works`()
    throws
  {
    let working = try Probe.service("working", ["beat:1000"], heartbeat: 3)
    let others = [
      try Probe.service("spamming", ["beat:1", "spam"], heartbeat: 4),
      try Probe.service("crashing", ["beat:1", "end:7"], heartbeat: 3),
      try Probe.service("hanging", ["ignore-end", "beat:1", "wait"], heartbeat: 2),
    ]
    let run = try ServiceRun([working] + others)
    try run.run(until: "ten seconds of heartbeats", seconds: 40) {
      $0.services.healthyDuration(of: 0, at: Clock.monotonic) >= 10_000_000_000
    }
    #expect(run.services.starts(of: 0) == 1 && run.ends[0].isEmpty)
    // It writes one every tenth of a second.
    #expect(run.beats[0] >= 50, "\(run.beats)")
    #expect(run.ends[2].count >= 2, "the crashing one was started again")
    #expect(run.problems.contains("3 killed: it sent no heartbeat for 2 s"), "\(run.problems)")
    // A MiB a second is read, whatever it writes.
    let bytes = run.lines[1].reduce(0) { $0 + $1.utf8.count + 1 }
    #expect(bytes > 1 << 16 && bytes < 40 << 20, "\(bytes) bytes of the spamming one")
    #expect(run.slowestRound < 1_000_000_000, "a round took \(run.slowestRound) ns")
    try run.end()
  }

  @Test func `end together, the one that refuses by force`() throws {
    let run = try ServiceRun([
      try Probe.service("willing", ["beat:1000"], heartbeat: 3),
      try Probe.service("unwilling", ["ignore-end", "beat:1000"], heartbeat: 3),
    ])
    try run.run(until: "heartbeats of both") { $0.beats[0] > 0 && $0.beats[1] > 0 }
    try run.end()
    #expect(run.ends[0].first?.end == .signal(15) && run.ends[1].first?.end == .signal(9))
    #expect(run.ends.allSatisfy { $0.count == 1 && $0.first?.restart == nil })
    #expect(run.problems == ["1 killed: it did not end within 5 s"])
  }
}

@Suite(.timeLimit(.minutes(5))) struct `The command line of the start helper` {
  @Test func `holds everything`() throws {
    let rules = StartRules(
      user: Credentials(uid: 5, gid: 6), readWrite: ["/a", "/b=c"], readOnly: ["/d e"],
      executable: ["/f"],
      limits: [.openFiles: 7, .threads: 8], systemCalls: ["read", "write"])
    let helper = StartHelper(
      rules: rules, environment: ["LISTEN_FDS=1", "A=--"], closing: 5, program: "/bin/x",
      arguments: ["--", "user=0:0", ""])
    #expect(try StartHelper(parsing: helper.words) == helper)
  }

  @Test(arguments: [
    [], ["--", "/bin/x"], ["user=1:1", "--"], ["user=1:1", "/bin/x"], ["user=1", "--", "/bin/x"],
    ["user=1:1", "user=0:0", "--", "/bin/x"], ["user=1:1", "write=", "--", "/bin/x"],
    ["user=1:1", "limit=cpu:1", "--", "/bin/x"], ["user=1:1", "limit=threads:x", "--", "/bin/x"],
    ["user=1:1", "close=2", "--", "/bin/x"], ["user=1:1", "close=5", "close=6", "--", "/bin/x"],
    ["user=1:1", "all=yes", "--", "/bin/x"], ["user=1:-1", "--", "/bin/x"],
  ])
  func `is refused if anything in it is unknown or missing`(_ words: [String]) {
    #expect(throws: Fault.self) { try StartHelper(parsing: words) }
  }
}
