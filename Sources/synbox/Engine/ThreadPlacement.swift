// Which thread runs where.
import Kernel

/// Sending threads have a processor of their own where there are enough; the first is left to the thread
/// that takes replies.
struct ThreadPlacement {
  private let processors: [Int]
  private let senders: Int

  init(senders: Int) {
    processors = usableProcessors
    self.senders = senders
  }

  /// nil where there is no choice.
  var receiver: Int? { processors.count > 1 ? processors[0] : nil }

  /// nil where there is only one processor, or it cannot be told.
  func sender(_ index: Int) -> Int? {
    processors.count > 1 ? processors[(index + 1) % processors.count] : nil
  }

  /// Some processor is left when every sender has its own.
  var hasSpare: Bool { processors.count > senders }

  /// One that no sender has, where there is one.
  func spare(_ index: Int) -> Int? {
    guard hasSpare else { return nil }
    let spares = processors.count - senders
    return processors[(senders + 1 + index % spares) % processors.count]
  }

  /// One for each sender, none twice; nil when there are not so many.
  var exclusive: [Int]? {
    guard processors.count >= senders else { return nil }
    return (0..<senders).map { processors[($0 + 1) % processors.count] }
  }
}
