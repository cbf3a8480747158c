// ARP frames.
import Wire

extension FuzzTarget {
  /// A parsed packet is encoded to the bytes that it was parsed from.
  static let arp = FuzzTarget("arp", maximumLength: 128) { bytes in
    guard let packet = ARPPacket(frame: bytes[...]) else { return }
    let frame = packet.frame
    try require(ARPPacket(frame: frame[...]) == packet, "\(packet) does not survive its own frame")
    // Skip the Ethernet addresses, which the parser ignores.
    try require(
      frame.dropFirst(12) == bytes[12..<ARPPacket.frameLength], "\(packet) from other bytes")
    let isUsable = packet.isReply(to: packet.targetMAC, at: packet.targetAddress)
    try require(!isUsable || !packet.senderMAC.isGroup, "a group answers")
    try require(!isUsable || packet.operation == .reply, "a request answers")
  }
}
