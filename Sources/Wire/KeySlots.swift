// The slots of keys, of which each job whose replies are valid has one.

/// The rule by which a source port says which slots a reply to it may prove, so that the receiver need not try every
/// key on a forged packet.
///
/// The ports have hints, one after the other: 0, 1, 2 and so on up to `hints` - 1, then 0 again. A job in slot *s* sends
/// from the ports whose hint is *s* modulo `hints` only. bpf/receive.bpf.c has the same rule.
public struct KeySlots: Hashable, Sendable {
  /// The most slots (`SYNBOX_SLOTS` in bpf/synbox.h).
  public static let most = 64

  /// The number of slots in use, which are numbered from 0.
  public let count: Int
  /// The scan's source ports.
  public let ports: ClosedRange<UInt16>
  /// The largest power of two that is at most the number of slots and the number of ports.
  public let hints: Int

  /// - Parameter count: 1 for a single job, which then sends from all ports.
  public init(_ count: Int, ports: ClosedRange<UInt16>) {
    precondition(count >= 1 && count <= Self.most)
    self.count = count
    self.ports = ports
    var hints = 1
    while hints * 2 <= min(count, ports.count) { hints *= 2 }
    self.hints = hints
  }

  /// Returns the hint of one of the ports.
  @inlinable
  public func hint(of port: UInt16) -> Int { Int(port &- ports.lowerBound) & (hints - 1) }

  /// Returns the slots that a reply to one of the ports may prove, in the order in which they are tried.
  @inlinable
  public func slots(for port: UInt16) -> StrideTo<Int> {
    stride(from: hint(of: port), to: count, by: hints)
  }

  /// Returns the ports that a job in `slot` sends from: the first, and how many; the others follow at a distance of
  /// `hints`.
  public func sourcePorts(of slot: Int) -> (first: UInt16, count: Int) {
    precondition(slot >= 0 && slot < count)
    let hint = slot & (hints - 1)
    return (ports.lowerBound + UInt16(hint), (ports.count - 1 - hint) / hints + 1)
  }
}
