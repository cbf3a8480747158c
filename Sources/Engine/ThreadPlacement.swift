// Assigns threads to processors.
import Kernel

/// Gives the first processor to the receiving thread and, as far as they suffice, one to each sender.
struct ThreadPlacement {
  private let processors: [Int]
  private let senders: Int

  init(senders: Int) {
    processors = usableProcessors
    self.senders = senders
  }

  /// nil if there is only one processor, or if they are unknown. So for `sender`.
  var receiver: Int? { processors.count > 1 ? processors[0] : nil }

  func sender(_ index: Int) -> Int? {
    processors.count > 1 ? processors[(index + 1) % processors.count] : nil
  }

  /// Whether processors remain when each sender has its own.
  var hasSpare: Bool { processors.count > senders }

  /// A processor that no sender has; nil if there is none.
  func spare(_ index: Int) -> Int? {
    guard hasSpare else { return nil }
    let spares = processors.count - senders
    return processors[(senders + 1 + index % spares) % processors.count]
  }

  /// A different processor for each sender; nil if there are too few.
  var exclusive: [Int]? {
    guard processors.count >= senders else { return nil }
    return (0..<senders).map { processors[($0 + 1) % processors.count] }
  }
}
