// Frames that may be ARP.
import Wire

extension FuzzTarget {
  /// What is read, written again, is the same packet, in the bytes it came in.
  static let arp = FuzzTarget("arp", maximumLength: 128) { bytes in
    guard let packet = ARPPacket(frame: bytes[...]) else { return }
    let frame = packet.frame
    try require(ARPPacket(frame: frame[...]) == packet, "\(packet) does not survive its own frame")
    // The Ethernet addresses are the sender's affair.
    try require(
      frame.dropFirst(12) == bytes[12..<ARPPacket.frameLength], "\(packet) from other bytes")
    let isUsable = packet.isReply(to: packet.targetMAC, at: packet.targetAddress)
    try require(!isUsable || !packet.senderMAC.isGroup, "a group answers")
    try require(!isUsable || packet.operation == .reply, "a request answers")
  }
}
