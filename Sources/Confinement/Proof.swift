// The proof of the drop: the kernel's report about every thread, and calls that the kernel must refuse.
import Kernel

/// Proves that the drop is in force. Each step throws a `Fault` if it is not.
struct Proof {
  /// The user of every thread; nil if the policy names none.
  let user: Credentials?
  /// Whether the bounding set must be empty, too.
  let checksBounding: Bool
  private(set) var refused: [String] = []
  private(set) var remainingBounding: CapabilitySet = []

  init(user: Credentials?, checksBounding: Bool) {
    self.user = user
    self.checksBounding = checksBounding
  }

  /// Requires that every thread has empty capability sets, no_new_privs, the user and, if `filtered`, a seccomp
  /// filter.
  mutating func requireNoPrivileges(filtered: Bool) throws(Fault) {
    for status in try TaskStatus.all() {
      let sets = [
        ("permitted", status.permitted), ("effective", status.effective),
        ("inheritable", status.inheritable), ("ambient", status.ambient),
        ("bounding", checksBounding ? status.bounding : []),
      ]
      for (name, set) in sets where !set.isEmpty {
        throw unconfined("thread \(status.task) still has \(set) in its \(name) set")
      }
      guard status.noNewPrivileges else {
        throw unconfined("thread \(status.task) does not have no_new_privs")
      }
      guard !filtered || status.seccomp == .filter else {
        throw unconfined("thread \(status.task) runs without a seccomp filter")
      }
      try requireUser(status)
      remainingBounding.formUnion(status.bounding)
    }
  }

  private func requireUser(_ status: TaskStatus) throws(Fault) {
    guard let user else { return }
    guard status.users.allSatisfy({ $0 == user.uid }), status.groups.allSatisfy({ $0 == user.gid }),
      status.supplementaryGroups.isEmpty
    else {
      throw unconfined(
        "thread \(status.task) has uids \(status.users), gids \(status.groups) and supplementary groups "
          + "\(status.supplementaryGroups), expected \(user) only")
    }
  }

  /// Requires that the kernel counts memory as locked.
  func requireLockedMemory() throws(Fault) {
    guard try TaskStatus.lockedBytes() > 0 else { throw unconfined("no memory is locked") }
  }

  /// Requires that `trial` fails with `expected`. Another error would not tell what refused it.
  mutating func requireRefusal(of trial: PrivilegeTrial, with expected: Errno) throws(Fault) {
    guard let errno = trial.attempt() else {
      throw unconfined("\(trial.rawValue) succeeded")
    }
    guard errno == expected else {
      throw unconfined("\(trial.rawValue) failed with \(errno.symbol), expected \(expected.symbol)")
    }
    let line = "\(trial.rawValue) \(errno.symbol)"
    if !refused.contains(line) { refused.append(line) }
  }

  private func unconfined(_ detail: String) -> Fault {
    Fault(
      "privileges remain after the drop", detail: detail,
      remedy: "This is a bug of synbox or of the kernel; synbox does not scan with privileges")
  }
}
