// The position from which an interrupted scan must resume. Time is a parameter.

/// Records positions below which all probes are completed, until a cooldown has passed and no more replies to them can
/// come.
public struct SettledPositions: Sendable {
  private struct Note {
    let time: UInt64
    let position: UInt64
  }

  /// The settled position: every probe below it was completed at least a cooldown ago, and its replies were taken.
  public private(set) var index: UInt64
  private var notes: [Note] = []
  /// In nanoseconds.
  private let cooldown: UInt64

  /// - Parameters:
  ///   - index: the position from which the scan starts or resumes.
  ///   - cooldown: the time for which replies are awaited, in nanoseconds.
  public init(from index: UInt64, cooldown: UInt64) {
    self.index = index
    self.cooldown = cooldown
  }

  /// Records that at `time` every probe below `position` was completed.
  public mutating func note(_ position: UInt64, at time: UInt64) {
    guard position > notes.last?.position ?? index else { return }
    notes.append(Note(time: time, position: position))
  }

  /// Updates `index`, given that every reply that came before `time` has been taken.
  public mutating func advance(to time: UInt64) {
    let settled = notes.prefix { time >= $0.time && time - $0.time >= cooldown }
    guard let last = settled.last else { return }
    index = last.position
    notes.removeFirst(settled.count)
  }
}
