// PID 1's check that a service has no privileges.
import Kernel
import Supervision
import Testing

@Suite(.timeLimit(.minutes(5))) struct `The privileges of a service` {
  private static let confined = [
    "Uid": "60900 60900 60900 60900", "Gid": "60900 60900 60900 60900", "Groups": "60900 ",
    "CapInh": zeros, "CapPrm": zeros, "CapEff": zeros, "CapBnd": zeros, "CapAmb": zeros,
    "NoNewPrivs": "1", "Seccomp": "2",
  ]
  private static let zeros = "0000000000000000"

  /// The status of a thread as in /proc.
  private func status(_ changed: [String: String] = [:]) throws -> TaskStatus {
    let lines = Self.confined.merging(changed) { $1 }.map { key, value in
      "\(key):\t\(value.split(separator: " ").joined(separator: "\t"))"
    }
    return try TaskStatus(task: 7, parsing: lines.joined(separator: "\n") + "\n")
  }

  @Test func `are not excessive if it is confined`() throws {
    let privilege = ServicePrivilege([try status(), try status()])
    #expect(privilege.excess(filtered: true) == nil)
    #expect(
      privilege.description == "uid 60900, CapEff 0000000000000000, Seccomp 2, in 2 threads")
  }

  @Test(arguments: [
    ["CapEff": "0000000000002000", "CapPrm": "0000000000002000"], ["CapPrm": "0000000000000001"],
    ["CapInh": "0000000000000001"], ["CapAmb": "0000000000000001"], ["CapBnd": "0000000000000001"],
    ["Uid": "60900 60900 0 60900"], ["Gid": "0 0 0 0"], ["NoNewPrivs": "0"], ["Seccomp": "0"],
  ])
  func `are excessive if one thread has any`(_ changed: [String: String]) throws {
    let privilege = ServicePrivilege([try status(), try status(changed)])
    #expect(privilege.excess(filtered: true)?.hasPrefix("thread 7 ") == true)
  }

  @Test func `are excessive if it runs as another user than its own`() throws {
    let privilege = ServicePrivilege([try status()])
    let own = Credentials(uid: 60_900, gid: 60_900)
    #expect(privilege.excess(filtered: true, user: own) == nil)
    for other in [Credentials(uid: 60_901, gid: 60_900), Credentials(uid: 60_900, gid: 60_901)] {
      #expect(privilege.excess(filtered: true, user: other)?.contains("does not run as") == true)
    }
  }

  @Test func `need no filter if the service has no table of its own`() throws {
    let privilege = ServicePrivilege([try status(["Seccomp": "0"])])
    #expect(privilege.excess(filtered: false) == nil)
    #expect(privilege.excess(filtered: true) != nil)
  }

  @Test func `are excessive if one thread is in another network namespace`() throws {
    let both = ServicePrivilege([try status(), try status()], namespaces: [7, 9])
    #expect(both.excess(filtered: true, namespace: 7)?.contains("another network namespace") == true)
    let one = ServicePrivilege([try status(), try status()], namespaces: [7])
    #expect(one.excess(filtered: true, namespace: 7) == nil)
    #expect(one.excess(filtered: true, namespace: 9) != nil)
    #expect(one.excess(filtered: true) == nil)
  }
}
