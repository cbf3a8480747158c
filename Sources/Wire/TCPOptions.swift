// The TCP options of a reply, which may be malformed.

/// The options that a result can show (RFC 9293 section 3.2, RFC 7323, RFC 2018); nil for those not present.
public struct TCPOptions: Hashable, Sendable {
  public var maximumSegmentSize: UInt16?
  public var windowScale: UInt8?
  public var selectiveAcknowledgmentPermitted = false
  public var timestampValue: UInt32?
  public var timestampEcho: UInt32?

  /// Parses options up to their end, an end-of-options byte, or the first invalid length.
  public init(_ bytes: Span<UInt8>) {
    var at = 0
    while at < bytes.count, bytes[at] != 0 {
      if bytes[at] == 1 {
        at += 1
        continue
      }
      guard at + 1 < bytes.count else { return }
      let length = Int(bytes[at + 1])
      guard length >= 2, at + length <= bytes.count else { return }
      switch (bytes[at], length) {
      case (2, 4): maximumSegmentSize = bytes.word16(at: at + 2)
      case (3, 3): windowScale = bytes[at + 2]
      case (4, 2): selectiveAcknowledgmentPermitted = true
      case (8, 10):
        timestampValue = bytes.word32(at: at + 2)
        timestampEcho = bytes.word32(at: at + 6)
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
