// PID 1's check that the scanner has dropped its privileges.
import Init
import Kernel
import Testing

@Suite(.timeLimit(.minutes(5))) struct `The privileges of a scanner` {
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
    let privilege = ScannerPrivilege([try status(), try status()])
    #expect(privilege.excess == nil)
    #expect(
      privilege.description == "uid 60900, CapEff 0000000000000000, Seccomp 2, in 2 threads")
  }

  @Test(arguments: [
    ["CapEff": "0000000000002000", "CapPrm": "0000000000002000"], ["CapPrm": "0000000000000001"],
    ["CapInh": "0000000000000001"], ["CapAmb": "0000000000000001"], ["CapBnd": "0000000000000001"],
    ["Uid": "60900 60900 0 60900"], ["Gid": "0 0 0 0"], ["NoNewPrivs": "0"], ["Seccomp": "0"],
  ])
  func `are excessive if one thread has any`(_ changed: [String: String]) throws {
    let privilege = ScannerPrivilege([try status(), try status(changed)])
    #expect(privilege.excess?.hasPrefix("thread 7 ") == true)
  }
}
