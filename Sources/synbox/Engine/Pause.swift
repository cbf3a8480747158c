// Why a scan does not send for the moment.
import Synchronization

/// Reasons not to send that come and go, each in its own words. Sending threads look at it, others change it.
final class Pause: Sendable {
  enum Reason: Int, CaseIterable {
    /// Results, or the checkpoint, cannot be written.
    case storage
    /// Frames cannot leave.
    case link
    /// Nobody passes them on.
    case gateway
    /// Nobody knows what may be probed.
    case scope
  }

  private let isActiveFlag = Atomic<Bool>(false)
  private let reasons = Mutex<[Reason: String]>([:])

  var isActive: Bool { isActiveFlag.load(ordering: .relaxed) }

  func holds(_ reason: Reason) -> Bool { reasons.withLock { $0[reason] != nil } }

  /// What hinders, a sentence each.
  var sentences: [String] {
    reasons.withLock { reasons in Reason.allCases.compactMap { reasons[$0] } }
  }

  /// nil: this reason is gone.
  func set(_ reason: Reason, _ sentence: String?) {
    reasons.withLock { reasons in
      reasons[reason] = sentence
      isActiveFlag.store(!reasons.isEmpty, ordering: .relaxed)
    }
  }
}
