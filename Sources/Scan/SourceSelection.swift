// The choice of a probe's source address and source port.
import Wire

/// Chooses source addresses and ports evenly, by a keyed hash of target and pass: a retried probe is the same packet, and
/// nobody without the key can predict the port. The ports are those of the job's slot (`KeySlots`).
public struct SourceSelection: Sendable {
  @usableFromInline let addresses: UInt64
  @usableFromInline let firstPort: UInt16
  /// The number of ports, and their distance.
  @usableFromInline let ports: UInt64
  @usableFromInline let stride: UInt64
  @usableFromInline let key: SipHashKey

  /// - Parameters:
  ///   - addresses: the number of source addresses.
  ///   - ports: the source ports.
  ///   - key: a secret key.
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
    self.key = key
  }

  /// Returns the index of the source address, and the source port.
  ///
  /// - Parameters:
  ///   - destination: the target's address, host order.
  ///   - pass: the probe's pass; each pass has another source.
  @inlinable
  public func choose(destination: UInt32, port: UInt16, pass: UInt64) -> (
    source: UInt16, port: UInt16
  ) {
    choose(UInt64(destination) &<< 16 | UInt64(port), pass)
  }

  @inlinable
  func choose(_ target: UInt64, _ pass: UInt64) -> (source: UInt16, port: UInt16) {
    // Two rounds of multiply and fold, as in wyhash. This only has to spread probes; the cookie protects.
    var hash = Self.fold(target ^ key.k0, pass &+ 0x9e37_79b9_7f4a_7c15 ^ key.k1)
    hash = Self.fold(hash ^ key.k1, 0xd6e8_feb8_6659_fd93)
    let source = (hash >> 32 &* addresses) >> 32
    let port = ((hash & 0xffff_ffff &* ports) >> 32) &* stride
    return (UInt16(truncatingIfNeeded: source), firstPort &+ UInt16(truncatingIfNeeded: port))
  }

  @inlinable
  static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let (high, low) = a.multipliedFullWidth(by: b)
    return high ^ low
  }
}
