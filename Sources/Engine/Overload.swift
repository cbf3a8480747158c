// What senders do when replies arrive faster than they are taken.
import Datapath

/// What happens when the event ring fills up.
package enum OverloadChoice: String, CaseIterable {
  /// Sending waits until there is room, so that no reply is lost.
  case slow
  /// Sending goes on. Replies that find the ring full are lost, and counted.
  case drop
}

/// Tells one sender when to give way to replies. Replies come back some time after their probes, so it keeps half of the
/// ring for those on their way.
struct OverloadGuard {
  private let receiver: any Receiver
  private var isYielding = false

  init(_ receiver: any Receiver) { self.receiver = receiver }

  /// Returns how many probes may be sent now: 0 from when the ring is half full until it is nearly empty.
  mutating func room() -> Int {
    guard let (free, total) = receiver.eventRoom else { return .max }
    isYielding = free < (isYielding ? total - total / 8 : total - total / 2)
    return isYielding ? 0 : free
  }
}
