// Reads TCP options as a peer sent them, which may be anything.

/// The options a result can show (RFC 9293 section 3.2, RFC 7323, RFC 2018). nil: not present.
public struct TCPOptions: Hashable, Sendable {
  public var maximumSegmentSize: UInt16?
  public var windowScale: UInt8?
  public var selectiveAcknowledgmentPermitted = false
  public var timestampValue: UInt32?
  public var timestampEcho: UInt32?

  /// Reads until the end of the options, an end-of-options octet, or the first impossible length: what
  /// follows nonsense is not believed.
  public init(_ octets: Span<UInt8>) {
    var at = 0
    while at < octets.count, octets[at] != 0 {
      if octets[at] == 1 {
        at += 1
        continue
      }
      guard at + 1 < octets.count else { return }
      let length = Int(octets[at + 1])
      guard length >= 2, at + length <= octets.count else { return }
      switch (octets[at], length) {
      case (2, 4): maximumSegmentSize = octets.word16(at: at + 2)
      case (3, 3): windowScale = octets[at + 2]
      case (4, 2): selectiveAcknowledgmentPermitted = true
      case (8, 10):
        timestampValue = octets.word32(at: at + 2)
        timestampEcho = octets.word32(at: at + 6)
      default: break
      }
      at += length
    }
  }
}

extension Reply {
  public var tcpOptions: TCPOptions {
    TCPOptions(options.span.extracting(first: Int(optionsLength)))
  }
}
