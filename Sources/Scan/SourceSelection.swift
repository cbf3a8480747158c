// The choice of a probe's source address and source port.
import Wire

/// Chooses source addresses and ports evenly, by a keyed hash of target and pass: a retried probe is the same packet, and
/// nobody without the key can predict the port. The ports are those of the job's slot (`KeySlots`).
///
/// The key is derived from the job's. Targets see what was chosen under it, and must learn nothing about cookies.
public struct SourceSelection: Sendable {
  @usableFromInline let addresses: UInt64
  @usableFromInline let firstPort: UInt16
  /// The number of ports, and their distance.
  @usableFromInline let ports: UInt64
  @usableFromInline let stride: UInt64
  /// Derived from the job's key.
  @usableFromInline let key: SipHashKey

  /// - Parameters:
  ///   - addresses: the number of source addresses.
  ///   - ports: the source ports.
  ///   - key: the job's key.
  ///   - slot: the slot of the job's key.
  ///   - slots: the number of slots that the receiver was opened with.
  public init(
    addresses: Int, ports: ClosedRange<UInt16>, key: SipHashKey, slot: Int = 0, slots: Int = 1
  ) {
    let keySlots = KeySlots(slots, ports: ports)
    let own = keySlots.sourcePorts(of: slot)
    self.addresses = UInt64(addresses)
    firstPort = own.first
    self.ports = UInt64(own.count)
    stride = UInt64(keySlots.hints)
    self.key = key.derived(for: .sourceSelection)
  }

  /// Returns the index of the source address, and the source port.
  ///
  /// - Parameters:
  ///   - destination: the target's address, host order.
  ///   - pass: the probe's pass; each pass has another source.
  @inlinable
  public func choose(destination: UInt32, port: UInt16, pass: UInt8) -> (
    source: UInt16, port: UInt16
  ) {
    // A message of seven bytes, which is a single block.
    var state = SipHash13(key: key)
    state.compress(UInt64(destination) | UInt64(port) &<< 32 | UInt64(pass) &<< 48 | 7 &<< 56)
    let hash = state.finish()
    let source = (hash &>> 32 &* addresses) &>> 32
    let port = ((hash & 0xffff_ffff &* ports) &>> 32) &* stride
    return (UInt16(truncatingIfNeeded: source), firstPort &+ UInt16(truncatingIfNeeded: port))
  }
}
