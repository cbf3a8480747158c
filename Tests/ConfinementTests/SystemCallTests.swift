// The system calls that a confined process may make: in the real kernel, and as data.
import Foundation
import Testing

@testable import Confinement

@Suite(.timeLimit(.minutes(5))) struct `A confined process` {
  @Test func `has no privileges even without the filter`() throws {
    let run = try probe("capabilities-alone")
    for call in ["packet-socket", "change-root", "interface-flags", "map-create"] {
      #expect(run[call] == "EPERM", "\(call)")
    }
    #expect(run["inet-socket"] == "OK", "an ordinary user may do this; only the filter refuses it")
  }

  @Test(arguments: [("packet-socket", "EPERM"), ("inet-socket", "EPERM"), ("clone3", "ENOSYS")])
  func `survives a refused call`(call: String, error: String) throws {
    let run = try probe("refused-calls")
    #expect(run[call] == error)
    #expect(run["map-plain"] == "OK" && run["end"] == "refused-calls")
  }

  /// The calls are in Tests/CConfinementProbe/intrusions.c.
  @Test func `is killed by calls that only an intruder would make`() throws {
    let names = try probe("intrusions").all("name")
    #expect(names.count > 60)
    for name in names {
      let run = try probe("intrusion", [name])
      #expect(run["confined"] == "true", "\(name): \(run.output)")
      #expect(run.signal == SIGSYS, "\(name): \(run.output)")
    }
  }

  @Test func `sends messages on the socket of rtnetlink, and is killed by one on another`() throws {
    // The kernel refuses both, because neither has an address.
    #expect(try probe("message")["named"] == "EDESTADDRREQ")
    let run = try probe("message", ["other"])
    #expect(run["named"] == "EDESTADDRREQ" && run["other"] == nil, "\(run.output)")
    #expect(run.signal == SIGSYS)
  }

  @Test func `reads a BPF map and runs a program that were opened before`() throws {
    let run = try probe("open-map")
    #expect(run["before"] == "OK" && run["value"] == "41" && run["run"] == "OK")
  }

  @Test func `is only logged if the policy says so, and the report shows it`() throws {
    let run = try probe("log-only")
    #expect(run["inet-socket"] == "OK")
    #expect(try #require(run["report"]).contains("system calls only logged"))
  }

  /// The arguments are such that the rule allows the call and the call does nothing; 2^64 - 1 stands for the process.
  /// (`abort` makes two more of them; see `DropTests`.)
  @Test func `may make the calls of rare situations`() throws {
    let calls = [
      "clock_gettime": "228,1,0,0", "FUTEX_WAIT": "202,0,128,0", "FUTEX_WAKE": "202,0,129,0",
      "FUTEX_LOCK_PI": "202,0,134,0",
      "FUTEX_UNLOCK_PI": "202,0,135,0",
    ]
    let run = try probe("rare-calls", calls.values.sorted())
    #expect(run["end"] == "rare-calls", "\(run.output)")
    for (name, call) in calls {
      // Each succeeds, or fails for its arguments: clock_gettime(2) and futexes with NULL.
      #expect(["OK", "EFAULT"].contains(run[call]), "\(name): \(run.output)")
    }
    let shown = Set(calls.keys).union(["SIGABRT to this process", "to standard error"])
    for rule in SystemCallTable.rules(inProcess: 1) where rule.use != .everyday {
      #expect(shown.contains(rule.condition.isEmpty ? rule.name : rule.condition), "\(rule)")
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct `The table of system calls` {
  let rules = SystemCallTable.rules(inProcess: 1)

  @Test func `has a reason for each rule, and no rule twice`() {
    #expect(rules.allSatisfy { !$0.reason.isEmpty })
    #expect(rules.allSatisfy { $0.arguments.isEmpty == $0.condition.isEmpty })
    let lines = rules.map { "\($0.name) \($0.condition)" }
    #expect(Set(lines).count == lines.count)
  }

  @Test func `has rules with arguments or a rule without, but not both, for each call`() {
    let plain = rules.filter(\.arguments.isEmpty).map(\.name)
    let byArgument = Set(rules.filter { !$0.arguments.isEmpty }.map(\.name))
    #expect(Set(plain).count == plain.count)
    #expect(byArgument.isDisjoint(with: plain))
  }

  @Test func `contains the frequent calls`() {
    #expect(Set(SystemCallTable.frequent).isSubset(of: rules.map(\.name)))
  }

  @Test func `equals the one in the documentation`() throws {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../docs/design/confinement.md")
    let document = try String(contentsOf: path, encoding: .utf8)
    let table = SystemCallTable.document
    #expect(
      document.contains(table),
      "docs/design/confinement.md must contain what `ConfinementProbe document` prints")
  }
}
