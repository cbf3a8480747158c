// A management service that was taken over, beside a real box: its user, its files, its system calls.
import Confinement
import Foundation
import Kernel
import LabSupport
import LabTraits
import ManageHost
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `A management service that was taken over` {
  private func program() throws -> String {
    let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return URL(fileURLWithPath: tests).deletingLastPathComponent()
      .appendingPathComponent("ConfinementProbe").path
  }

  /// Runs a scenario of ConfinementProbe. Returns its lines `key=value`, and the signal that ended it.
  private func probe(_ arguments: [String]) throws -> (values: [String: String], signal: Int32?) {
    let outcome = try run([try program()] + arguments, environment: ["SWIFT_BACKTRACE": "enable=no"])
    let pairs = outcome.lines.compactMap { line -> (String, String)? in
      let sides = line.split(separator: "=", maxSplits: 1).map(String.init)
      return sides.count == 2 ? (sides[0], sides[1]) : nil
    }
    return (Dictionary(pairs) { first, _ in first }, outcome.signal)
  }

  /// A data directory as the service finds it.
  private func directories() throws -> ServeLab {
    let lab = try ServeLab(closed: nil)
    try FileManager.default.createDirectory(
      at: lab.url("etc"), withIntermediateDirectories: true)
    try Data().write(to: lab.url("etc/tokens.toml"))
    return lab
  }

  /// A box that runs one job, has finished another, and has a file waiting.
  private func busyBox() throws -> (lab: ServeLab, box: Running) {
    let lab = try ServeLab()
    try FileManager.default.createDirectory(at: lab.url("etc"), withIntermediateDirectories: true)
    for name in ["etc/tokens.toml", "outside"] { try Data("x".utf8).write(to: lab.url(name)) }
    _ = try HostSetup.prepare(lab.url("data").path, for: Credentials(uid: 60_901, gid: 60_901))
    try Data("x".utf8).write(to: lab.url("data/manage/certificate.pem"))
    let configuration = try lab.configure("target-ports = 80\ncooldown-time = 0.5\n")
    try FileManager.default.copyItem(
      at: lab.url("synbox.toml"), to: lab.url("etc/synbox.toml"))
    // As the unit of systemd says, so that results can be marked.
    let box = try lab.serve(configuration, under: ["sh", "-c", "umask 002; exec \"$@\"", "sh"])
    try lab.drop("done.txt", "198.18.4.0/28\n")
    try lab.wait("results", seconds: 30) { lab.exists("data/results/done.txt/summary.json") }
    try lab.drop("slow.txt", "@rate 10\n198.18.16.0/20\n")
    try lab.wait("the key and the journal", seconds: 60) {
      lab.exists("data/active/slow.txt/job.json") && lab.exists("data/active/slow.txt/results.partial")
    }
    try lab.drop("waiting.txt", "@priority 1\n198.18.5.0/24\n")
    for (name, target) in [
      ("link-to-key", "../active/slow.txt/job.json"), ("link-outside", "../../outside"),
    ] {
      try FileManager.default.createSymbolicLink(
        atPath: lab.url("data/spool/.\(name)").path, withDestinationPath: target)
    }
    return (lab, box)
  }

  @Test func `cannot read a key, change results or the configuration, or leave its directories`() throws
  {
    let (lab, box) = try busyBox()
    let arguments = [
      "manage-attempts", lab.url("data").path, "slow.txt", "done.txt", "waiting.txt", "\(box.pid)",
    ]
    let results = try Data(contentsOf: lab.url("data/results/done.txt/results.csv"))
    let confined = try probe(arguments)
    #expect(confined.values["end"] == "manage-attempts", "\(confined)")
    let own: Set = ["report", "end", "fault"]
    let attempts = confined.values.filter { !own.contains($0.key) }
    #expect(attempts.count > 45)
    for (what, outcome) in attempts {
      if what.hasPrefix("may ") {
        #expect(outcome == "OK", "\(what)")
      } else {
        #expect(["EACCES", "EPERM", "EXDEV"].contains(outcome), "\(what): \(outcome)")
      }
    }
    #expect(try Data(contentsOf: lab.url("data/results/done.txt/results.csv")) == results)
    #expect(box.isRunning && lab.exists("data/spool/waiting.txt"))
    #expect(try lab.record("slow.txt")["key"] is String)

    // Without the drop each of them gets somewhere, so that it was the drop that refused it.
    for file in [
      "data/staging/manage/two", "data/spool/submitted.part", "data/results/done.txt/fetched",
    ] {
      try FileManager.default.removeItem(at: lab.url(file))
    }
    let free = try probe(arguments + ["unconfined"])
    #expect(free.values["end"] == "manage-attempts", "\(free)")
    for what in attempts.keys {
      let outcome = free.values[what] ?? "missing"
      #expect(["OK", "EIO"].contains(outcome), "\(what): \(outcome)")
    }
  }

  /// The calls are in Tests/CConfinementProbe/intrusions.c.
  @Test func `is killed by calls that only an intruder would make`() throws {
    let lab = try directories()
    let data = lab.url("data").path
    let outcome = try run([try program(), "intrusions"])
    let names = outcome.lines.filter { $0.hasPrefix("name=") }.map { String($0.dropFirst(5)) }
    #expect(names.count > 90)
    // What the service needs and the scanner does not.
    let allowed: Set = [
      "listen", "mremap", "rename with flags", "fcntl F_SETFL", "futex FUTEX_CMP_REQUEUE_PI",
    ]
    for name in names {
      let run = try probe(["manage-intrusion", data, name])
      #expect(run.values["confined"] == "true", "\(name): \(run)")
      #expect(run.signal == (allowed.contains(name) ? nil : SIGSYS), "\(name): \(run)")
    }
    // What the scanner needs and the service does not.
    for (name, call) in [
      ("mkdir", "83,0,0,0"), ("rmdir", "84,0,0,0"), ("rename", "82,0,0,0"), ("unlink", "87,0,0,0"),
      ("rename that replaces", "316,-1,0,-1"), ("open to write", "257,-100,0,1"),
      ("open to create", "257,-100,0,64"), ("ftruncate", "77,-1,0,0"), ("lseek", "8,-1,0,0"),
      ("access", "21,0,0,0"), ("bpf", "321,1,0,0"), ("recvmsg", "47,-1,0,0"),
      ("F_SETLEASE", "72,-1,1024,0"),
      ("F_DUPFD", "72,-1,0,0"), ("F_SETLK", "72,-1,6,0"), ("a timer's slack", "157,29,1,0"),
    ] {
      let run = try probe(["manage-calls", data, call])
      #expect(run.values["confined"] == "true", "\(name): \(run)")
      #expect(run.signal == SIGSYS, "\(name): \(run)")
    }
  }

  /// The arguments are such that the rule allows the call and the call does nothing.
  @Test func `may make the calls of rare situations`() throws {
    let lab = try directories()
    let calls = [
      "getsockopt": "55,-1,1,4", "writev": "20,-1,0,0", "clock_nanosleep": "230,1,0,0",
      "restart_syscall": "219,0,0,0", "clock_gettime": "228,1,0,0", "mremap": "25,0,0,0",
      "brk": "12,0,0,0", "MADV_DONTNEED": "28,0,0,4", "getpid": "39,0,0,0",
    ]
    let run = try probe(["manage-calls", lab.url("data").path] + calls.values.sorted())
    #expect(run.values["end"] == "manage-calls", "\(run)")
    for (name, call) in calls {
      let outcome = run.values[call] ?? "missing"
      #expect(["OK", "EBADF", "EFAULT", "EINVAL", "EINTR"].contains(outcome), "\(name): \(outcome)")
    }
    #expect(try probe(["manage-calls", lab.url("data").path, "heap"]).signal == SIGABRT)
    let shown = Set(calls.keys).union(["exit", "tgkill"])
    for rule in ManageSystemCalls.rules(inProcess: 1) where rule.use != .everyday {
      #expect(shown.contains(rule.name) || shown.contains(rule.condition), "\(rule)")
    }
  }
}
