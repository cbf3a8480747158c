// The part of a frame's checksums that does not differ from frame to frame.

/// The sums over the constant fields of the frames of one kind from one source address (RFC 1071), not folded.
public struct SourceSums: Hashable, Sendable {
  public let address: IPv4Address
  /// The sum over the IPv4 header with identification and destination zero.
  @usableFromInline let ipv4Sum: InternetChecksum
  /// The sum over pseudo-header, TCP header and options, with ports, sequence number and destination zero.
  @usableFromInline let tcpSum: InternetChecksum

  init(address: IPv4Address, ipv4Sum: InternetChecksum, tcpSum: InternetChecksum) {
    self.address = address
    self.ipv4Sum = ipv4Sum
    self.tcpSum = tcpSum
  }

  /// The sums of SYNs with the options and header fields of `profile`.
  public init(syn profile: ProbeProfile, source: IPv4Address) {
    self = FrameTemplate(syn: profile, source: source, sourceMAC: .zero).sums
  }

  /// The sums of RSTs.
  public init(rstFrom source: IPv4Address) {
    self = FrameTemplate(rstFrom: source, sourceMAC: .zero).sums
  }

  static var zero: SourceSums {
    SourceSums(address: IPv4Address(0), ipv4Sum: InternetChecksum(), tcpSum: InternetChecksum())
  }
}
