// Probe profiles: the TCP options of a probe, and the header fields that go with them.

/// The TCP options and header fields of a SYN. More targets reply to a SYN with options (zmap PR 855).
public enum ProbeProfile: String, CaseIterable, Sendable {
  /// MSS only: 58 bytes, within Ethernet's minimum frame.
  case smallest
  /// No options: 54 bytes.
  case none
  /// Those of Linux: MSS, SACK permitted, timestamps, window scale.
  case linux
  /// Those of Windows: MSS, window scale, SACK permitted.
  case windows

  /// The TCP options (RFC 9293 section 3.2, RFC 7323, RFC 2018), padded to a multiple of four.
  public var options: [UInt8] {
    let mss: [UInt8] = [2, 4, 0x05, 0xb4]  // 1460: Ethernet's MTU of 1500 less both headers
    switch self {
    case .smallest: return mss
    case .none: return []
    case .linux:
      // SACK permitted, timestamps (value 1, echo 0), NOP, window scale 7
      return mss + [4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7]
    case .windows:
      // NOP, window scale 8, NOP, NOP, SACK permitted
      return mss + [1, 3, 3, 8, 1, 1, 4, 2]
    }
  }

  public var timeToLive: UInt8 {
    switch self {
    case .smallest, .none: 255
    case .linux: 64
    case .windows: 128
    }
  }

  public var window: UInt16 {
    switch self {
    case .smallest, .none: 65535
    case .linux, .windows: 64240
    }
  }

  /// Whether DF is set, as Linux and Windows do on every SYN.
  public var dontFragment: Bool { self == .linux || self == .windows }

  /// Bytes of the frame from the Ethernet header to the last option.
  public var unpaddedLength: Int { FrameLayout.options + options.count }

  /// Bytes of the frame as handed to the NIC, padded to Ethernet's minimum of 60 without FCS.
  public var frameLength: Int { max(unpaddedLength, FrameLayout.minimumLength) }
}

/// Byte offsets of the fields of a probe: Ethernet, IPv4 without options, TCP.
public enum FrameLayout {
  public static let destinationMAC = 0
  public static let sourceMAC = 6
  public static let etherType = 12
  public static let ipv4 = 14
  public static let identification = ipv4 + 4
  public static let ipv4Checksum = ipv4 + 10
  public static let source = ipv4 + 12
  public static let destination = ipv4 + 16
  public static let tcp = 34
  public static let sourcePort = tcp
  public static let destinationPort = tcp + 2
  public static let sequenceNumber = tcp + 4
  public static let tcpChecksum = tcp + 16
  public static let options = tcp + 20
  /// The minimum length of an Ethernet frame without FCS (IEEE 802.3: 64 with it).
  public static let minimumLength = 60
  /// The maximum length of a probe or RST: 54 bytes of headers and 40 of options.
  public static let maximumLength = 94
  /// Bytes on the wire beside the frame's own: preamble 8, FCS 4, inter-frame gap 12.
  public static let wireOverhead = 24
}
