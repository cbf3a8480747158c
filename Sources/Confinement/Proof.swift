// The proof of the drop: what the kernel says about every thread, and what it answers to trials.
import Kernel

/// Collects what was proven; throws at the first thing that does not hold.
struct Proof {
  private(set) var refused: [String] = []
  private(set) var remainingBounding: CapabilitySet = []

  /// Every thread's status must show empty sets and no_new_privs, and the filter when there is one.
  mutating func everyThreadHasNothing(boundingToo: Bool, filtered: Bool) throws(Fault) {
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
      remainingBounding.formUnion(status.bounding)
    }
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
