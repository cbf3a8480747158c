// Which system calls a confined process may make: by the real kernel, and the list as data.
import Foundation
import Testing

@testable import Confinement

@Suite struct `A confined process` {
  @Test func `has no privilege even without the filter`() throws {
    let run = try probe("capabilities-alone")
    for call in ["packet-socket", "change-root", "interface-flags", "map-create"] {
      #expect(run[call] == "EPERM", "\(call)")
    }
    #expect(run["inet-socket"] == "OK", "an ordinary user may do this; only the filter refuses it")
  }

  @Test(arguments: [("packet-socket", "EPERM"), ("inet-socket", "EPERM"), ("clone3", "ENOSYS")])
  func `is refused and lives`(call: String, error: String) throws {
    let run = try probe("refused-calls")
    #expect(run[call] == error)
    #expect(run["map-plain"] == "OK" && run["end"] == "refused-calls")
  }

  /// Starting programs, other processes' memory, mounts, modules, a TCP connection, new BPF programs and maps,
  /// executable memory, and so on: Tests/CConfinementProbe/intrusions.c.
  @Test func `dies of what only an intruder would call`() throws {
    let names = try probe("intrusions").all("name")
    #expect(names.count > 60)
    for name in names {
      let run = try probe("intrusion", [name])
      #expect(run["confined"] == "true", "\(name): \(run.output)")
      #expect(run.signal == SIGSYS, "\(name): \(run.output)")
    }
  }

  @Test func `reads a BPF map and runs a program that were open before`() throws {
    let run = try probe("open-map")
    #expect(run["before"] == "OK" && run["value"] == "41" && run["run"] == "OK")
  }

  @Test func `is only watched when the policy says so, and the report admits it`() throws {
    let run = try probe("log-only")
    #expect(run["inet-socket"] == "OK")
    #expect(try #require(run["report"]).contains("system calls only logged"))
  }

  /// With arguments that the line allows and with which the call does nothing; 2^64 - 1 stands for the process.
  /// (`abort` makes two more of them: see `DropTests`.)
  @Test func `is let through what only rare paths call`() throws {
    let calls = [
      "clock_gettime": "228,1,0,0", "FUTEX_WAIT": "202,0,128,0", "FUTEX_WAKE": "202,0,129,0",
      "FUTEX_LOCK_PI": "202,0,134,0",
      "FUTEX_UNLOCK_PI": "202,0,135,0",
    ]
    let run = try probe("rare-calls", calls.values.sorted())
    #expect(run["end"] == "rare-calls", "\(run.output)")
    for (name, call) in calls {
      // Each fails for its arguments, or not at all: clock_gettime of NULL, futexes at NULL.
      #expect(["OK", "EFAULT"].contains(run[call]), "\(name): \(run.output)")
    }
    let shown = Set(calls.keys).union(["SIGABRT to this process", "to standard error"])
    for rule in SystemCallTable.rules(inProcess: 1) where rule.use != .everyday {
      #expect(shown.contains(rule.condition.isEmpty ? rule.name : rule.condition), "\(rule)")
    }
  }
}

@Suite struct `The list of system calls` {
  let rules = SystemCallTable.rules(inProcess: 1)

  @Test func `gives a reason for each, its own`() {
    #expect(rules.allSatisfy { !$0.reason.isEmpty })
    #expect(rules.allSatisfy { $0.arguments.isEmpty == $0.condition.isEmpty })
    let lines = rules.map { "\($0.name) \($0.condition)" }
    #expect(Set(lines).count == lines.count)
  }

  @Test func `answers each call in one way`() {
    let plain = rules.filter(\.arguments.isEmpty).map(\.name)
    let byArgument = Set(rules.filter { !$0.arguments.isEmpty }.map(\.name))
    #expect(Set(plain).count == plain.count)
    #expect(byArgument.isDisjoint(with: plain))
  }

  @Test func `has the frequent ones that it puts first`() {
    #expect(Set(SystemCallTable.frequent).isSubset(of: rules.map(\.name)))
  }

  @Test func `is the one in the documentation`() throws {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../docs/design/confinement.md")
    let document = try String(contentsOf: path, encoding: .utf8)
    let table = SystemCallTable.document
    #expect(
      document.contains(table),
      "docs/design/confinement.md must contain what `ConfinementProbe document` prints")
  }
}
