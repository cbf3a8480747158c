// From where an interrupted scan has to go on. Time is a parameter.

/// Remembers up to which place all probes had been sent at some moments, until the replies to them have had
/// their time.
public struct SettledPositions: Sendable {
  private struct Note {
    let time: UInt64
    let position: UInt64
  }

  /// Below it every probe was completed, and no reply to one is waited for any more.
  public private(set) var index: UInt64
  private var notes: [Note] = []
  /// Nanoseconds.
  private let cooldown: UInt64

  /// - Parameter cooldown: how long replies are waited for, nanoseconds.
  public init(from index: UInt64, cooldown: UInt64) {
    self.index = index
    self.cooldown = cooldown
  }

  /// At `time` every probe below `position` had been completed.
  public mutating func note(_ position: UInt64, at time: UInt64) {
    guard position > notes.last?.position ?? index else { return }
    notes.append(Note(time: time, position: position))
  }

  /// Every reply that came before `time` has been taken.
  public mutating func advance(to time: UInt64) {
    let ripe = notes.prefix { time >= $0.time && time - $0.time >= cooldown }
    guard let last = ripe.last else { return }
    index = last.position
    notes.removeFirst(ripe.count)
  }
}
