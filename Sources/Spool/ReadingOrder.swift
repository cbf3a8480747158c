// The order in which the starts of new files are read.
import Kernel

/// Gives the newest and the oldest name in turn, so that neither a crowd that was there before nor one that keeps arriving
/// holds up a file for long.
package struct ReadingOrder {
  private var names: [FileName] = []
  /// The oldest that has not been given.
  private var first = 0
  private var isNewestNext = true

  package init() {}

  package mutating func append(_ name: FileName) { names.append(name) }

  package mutating func next() -> FileName? {
    guard first < names.count else {
      (names, first) = ([], 0)
      return nil
    }
    defer { isNewestNext.toggle() }
    if isNewestNext { return names.removeLast() }
    first += 1
    return names[first - 1]
  }
}
