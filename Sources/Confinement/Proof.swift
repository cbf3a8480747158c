// The proof of the drop: what the kernel says about every thread, and what it answers to trials.
import Kernel

/// Collects what was proven; throws at the first thing that does not hold.
struct Proof {
  /// Whom every thread must be; nil where nobody was to become another.
  let user: Credentials?
  /// Whether the bounding set must be empty, too.
  let boundingToo: Bool
  private(set) var refused: [String] = []
  private(set) var remainingBounding: CapabilitySet = []

  init(user: Credentials?, boundingToo: Bool) {
    self.user = user
    self.boundingToo = boundingToo
  }

  /// Every thread's status must show empty sets, no_new_privs and the user, and the filter when there is one.
  mutating func everyThreadHasNothing(filtered: Bool) throws(Fault) {
    for status in try TaskStatus.all() {
      let sets = [
        ("permitted", status.permitted), ("effective", status.effective),
        ("inheritable", status.inheritable), ("ambient", status.ambient),
        ("bounding", boundingToo ? status.bounding : []),
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
          + "\(status.supplementaryGroups), not \(user) alone")
    }
  }

  /// The kernel must count memory as locked.
  func memoryIsLocked() throws(Fault) {
    guard try TaskStatus.lockedBytes() > 0 else { throw unconfined("no memory is locked") }
  }

  /// `trial` must fail with exactly `expected`: any other error does not tell what refused it.
  mutating func mustRefuse(_ trial: PrivilegeTrial, with expected: Errno) throws(Fault) {
    guard let errno = trial.attempt() else {
      throw unconfined("\(trial.rawValue) succeeded")
    }
    guard errno == expected else {
      throw unconfined("\(trial.rawValue) gave \(errno.symbol), expected \(expected.symbol)")
    }
    let line = "\(trial.rawValue) \(errno.symbol)"
    if !refused.contains(line) { refused.append(line) }
  }

  private func unconfined(_ detail: String) -> Fault {
    Fault(
      "privilege was given up, but is still there", detail: detail,
      remedy: "Nothing is scanned like this; it is a fault of this program or of the kernel")
  }
}

extension Errno {
  /// EPERM.
  static let permission = Errno(1)
  /// EACCES.
  static let access = Errno(13)
}
