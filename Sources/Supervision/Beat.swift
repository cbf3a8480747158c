// The bytes that a service writes to its heartbeat pipe.

/// The meaning of a byte. PID 1 takes any other for `alive`.
public enum Beat: UInt8, Sendable {
  case alive = 0x2e  // .
  /// The scanner has sent its first probe.
  case firstProbe = 0x70  // p
}
