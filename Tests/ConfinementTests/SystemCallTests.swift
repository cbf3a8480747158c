// Which system calls a confined process may make: by the real kernel, and the list as data.
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

  @Test(arguments: [
    "map-executable", "make-executable", "packet-socket", "inet-socket", "change-root", "fork",
    "signal-parent", "set-limit", "map-create", "map-freeze",
  ])
  func `is refused and lives`(call: String) throws {
    let run = try probe("refused-calls")
    #expect(run[call] == "EPERM")
    #expect(run["map-plain"] == "OK" && run["end"] == "refused-calls")
  }

  @Test(arguments: ["fatal-execve", "fatal-ptrace"])
  func `dies of what only an intruder would call`(scenario: String) throws {
    let run = try probe(scenario)
    #expect(run.signal == 31, "SIGSYS expected; printed: \(run.output)")
  }

  @Test
  func `reads a BPF map and runs a program that were open before, changes none and opens no more`()
    throws
  {
    let run = try probe("open-map")
    #expect(run["before"] == "OK" && run["value"] == "41")
    #expect(run["update"] == "EPERM" && run["value-after"] == "41")
    #expect(run["run"] == "OK" && run["load"] == "EPERM")
  }

  @Test func `is only watched when the policy says so, and the report admits it`() throws {
    let run = try probe("log-only")
    #expect(run["inet-socket"] == "OK")
    #expect(try #require(run["report"]).contains("system calls only logged"))
  }
}

@Suite struct `The list of system calls` {
  let allowed = SystemCallTable.allowed(inProcess: 1)

  @Test func `gives a reason for each`() {
    #expect(allowed.allSatisfy { !$0.reason.isEmpty })
    #expect(SystemCallTable.refused.allSatisfy { !$0.reason.isEmpty })
  }

  @Test func `answers each call in one way`() {
    let plain = allowed.filter(\.arguments.isEmpty).map(\.name)
    let byArgument = Set(allowed.filter { !$0.arguments.isEmpty }.map(\.name))
    let refused = SystemCallTable.refused.map(\.name)
    #expect(Set(plain).count == plain.count)
    #expect(Set(refused).count == refused.count)
    #expect(byArgument.isDisjoint(with: plain))
    #expect(byArgument.union(plain).isDisjoint(with: refused))
  }

  @Test func `has no place for what starts programs or changes the machine`() {
    let named = Set(allowed.map(\.name) + SystemCallTable.refused.map(\.name))
    let fatal = [
      "execve", "execveat", "ptrace", "mount", "umount2", "setns", "unshare", "pivot_root", "keyctl",
      "init_module", "finit_module", "kexec_load", "reboot", "process_vm_writev", "pidfd_getfd",
      "perf_event_open", "personality", "swapon", "sethostname",
    ]
    #expect(named.isDisjoint(with: fatal))
  }
}
