// Faults that stop a scan from sending until they clear.
import Synchronization

/// The reasons why a scan sends nothing at the moment. The senders read it; other threads change it.
package final class Pause: Sendable {
  package enum Reason: Int, CaseIterable {
    /// Results or the checkpoint cannot be written.
    case storage
    /// The disk is so slow that results wait for it.
    case slowDisk
    /// The box as a whole is paused.
    case box
    /// The scope cannot be read, so it is unknown what may be probed.
    case scope
    /// No licence allows probes. The senders find that out by themselves; this is for whoever shows the scan.
    case licence
  }

  private let isActiveFlag = Atomic<Bool>(false)
  private let isBackedUpFlag = Atomic<Bool>(false)
  private let messages = Mutex<[Reason: String]>([:])

  var isActive: Bool {
    isActiveFlag.load(ordering: .relaxed) || isBackedUpFlag.load(ordering: .relaxed)
  }

  /// Whether results wait for a slow disk. The receive thread sets it, so it needs no lock and no sentence.
  var isBackedUp: Bool {
    get { isBackedUpFlag.load(ordering: .relaxed) }
    set { isBackedUpFlag.store(newValue, ordering: .relaxed) }
  }

  func isActive(for reason: Reason) -> Bool { messages.withLock { $0[reason] != nil } }

  /// One sentence for each active reason.
  var sentences: [String] {
    messages.withLock { messages in Reason.allCases.compactMap { messages[$0] } }
  }

  /// Sets a reason, or clears it if `sentence` is nil.
  package func set(_ reason: Reason, _ sentence: String?) {
    messages.withLock { messages in
      messages[reason] = sentence
      isActiveFlag.store(!messages.isEmpty, ordering: .relaxed)
    }
  }
}
