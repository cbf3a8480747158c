// PID 1's check that a service has no privileges. The kernel's view of it counts, not its own report.
import Kernel

/// The privileges of all threads of a service, from /proc.
public struct ServicePrivilege: CustomStringConvertible {
  private let statuses: [TaskStatus]
  private let namespaces: Set<UInt64>

  /// - Parameters:
  ///   - statuses: The status of every thread.
  ///   - namespaces: The identities of the network namespaces that its threads are in.
  public init(_ statuses: [TaskStatus], namespaces: Set<UInt64> = []) {
    precondition(!statuses.isEmpty, "a process has at least one thread")
    self.statuses = statuses
    self.namespaces = namespaces
  }

  /// Returns a privilege that the service must not have; nil if there is none.
  ///
  /// - Parameters:
  ///   - filtered: whether it must have a system-call filter.
  ///   - user: what it must run as; nil for anybody but root.
  ///   - namespace: the network namespace that it must be in; nil for any.
  public func excess(filtered: Bool, user: Credentials? = nil, namespace: UInt64? = nil) -> String? {
    if let namespace, namespaces.contains(where: { $0 != namespace }) {
      return "it is in another network namespace than its own"
    }
    for status in statuses {
      let held: [CapabilitySet] = [
        status.effective, status.permitted, status.inheritable, status.ambient, status.bounding,
      ]
      if held.contains(where: { !$0.isEmpty }) { return "thread \(status.task) has capabilities" }
      if status.users.contains(0) || status.groups.contains(0) || status.supplementaryGroups.contains(0)
      {
        return "thread \(status.task) runs as root"
      }
      if let user,
        status.users.contains(where: { $0 != user.uid })
          || status.groups.contains(where: { $0 != user.gid })
      {
        return "thread \(status.task) does not run as \(user)"
      }
      guard status.noNewPrivileges else { return "thread \(status.task) does not have no_new_privs" }
      guard !filtered || status.seccomp == .filter else {
        return "thread \(status.task) has no seccomp filter"
      }
    }
    return nil
  }

  /// In the format of /proc: `uid 60900, CapEff 0000000000000000, Seccomp 2, in 3 threads`.
  public var description: String {
    let effective = statuses.reduce(into: CapabilitySet()) { $0.formUnion($1.effective) }.rawValue
    let digits = String(effective, radix: 16)
    let zeros = String(repeating: "0", count: 16 - digits.count)
    let users = Set(statuses.flatMap(\.users)).sorted().map(String.init).joined(separator: ",")
    let seccomp = statuses.map(\.seccomp.rawValue).min() ?? 0
    return "uid \(users), CapEff \(zeros)\(digits), Seccomp \(seccomp), in \(statuses.count) threads"
  }
}
