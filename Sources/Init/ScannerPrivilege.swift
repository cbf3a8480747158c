// What PID 1 holds of its scanner: that it has given up what it was started with.
import Kernel

/// What the kernel says of all threads of a scanner together.
public struct ScannerPrivilege: CustomStringConvertible {
  private let statuses: [TaskStatus]

  /// - Parameter statuses: of every thread, one at least.
  public init(_ statuses: [TaskStatus]) {
    precondition(!statuses.isEmpty, "a process has a thread")
    self.statuses = statuses
  }

  /// What it still has though it must not; nil: nothing.
  public var excess: String? {
    for status in statuses {
      let held: [CapabilitySet] = [
        status.effective, status.permitted, status.inheritable, status.ambient, status.bounding,
      ]
      if held.contains(where: { !$0.isEmpty }) { return "thread \(status.task) has capabilities" }
      if status.users.contains(0) || status.groups.contains(0) || status.supplementaryGroups.contains(0)
      {
        return "thread \(status.task) is root's"
      }
      guard status.noNewPrivileges else { return "thread \(status.task) may gain privileges" }
      guard status.seccomp == .filter else { return "thread \(status.task) may make any system call" }
    }
    return nil
  }

  /// As /proc writes it: `uid 60900, CapEff 0000000000000000, Seccomp 2, in 3 threads`.
  public var description: String {
    let effective = statuses.reduce(into: CapabilitySet()) { $0.formUnion($1.effective) }.rawValue
    let digits = String(effective, radix: 16)
    let zeros = String(repeating: "0", count: 16 - digits.count)
    let users = Set(statuses.flatMap(\.users)).sorted().map(String.init).joined(separator: ",")
    let seccomp = statuses.map(\.seccomp.rawValue).min() ?? 0
    return "uid \(users), CapEff \(zeros)\(digits), Seccomp \(seccomp), in \(statuses.count) threads"
  }
}
