import Testing
import Wire

private let mine = MACAddress(0x0200_0000_0001)
private let theirs = MACAddress(0x0200_0000_0002)
private let source = IPv4Address(198, 18, 0, 1)
private let target = IPv4Address(198, 18, 0, 2)

private let reply = ARPPacket(
  operation: .reply, senderMAC: theirs, senderAddress: target, targetMAC: mine, targetAddress: source)

@Suite(.timeLimit(.minutes(5))) struct `An ARP packet` {
  @Test func `request has the format of RFC 826`() {
    let frame = ARPPacket.request(for: target, from: source, mine).frame
    #expect(
      frame == [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x08, 0x06,  // Ethernet
        0, 1, 0x08, 0, 6, 4, 0, 1,  // Ethernet, IPv4, lengths, request
        2, 0, 0, 0, 0, 1, 198, 18, 0, 1,  // sender
        0, 0, 0, 0, 0, 0, 198, 18, 0, 2,  // target
      ])
  }

  @Test func `is decoded from its own encoding, also with padding and inside a larger buffer`() {
    #expect(ARPPacket(frame: reply.frame[...]) == reply)
    let padded = [9, 9, 9] + reply.frame + [UInt8](repeating: 0, count: 18)
    #expect(ARPPacket(frame: padded.dropFirst(3)) == reply)
    #expect(reply.isReply(to: mine, at: source))
  }

  @Test(arguments: [
    ("another EtherType", 12, 0x86), ("another hardware type", 15, 6), ("another protocol", 16, 0x86),
    ("another hardware length", 18, 8), ("another protocol length", 19, 16), ("operation 0", 21, 0),
    ("operation 3 (RARP)", 21, 3), ("a high operation", 20, 1),
  ])
  func `is rejected with`(what: String, at offset: Int, byte: UInt8) {
    var frame = reply.frame
    frame[offset] = byte
    #expect(ARPPacket(frame: frame[...]) == nil, "\(what)")
  }

  @Test func `is rejected at every shorter length`() {
    for length in 0..<ARPPacket.frameLength {
      #expect(ARPPacket(frame: reply.frame.prefix(length)) == nil)
    }
  }

  @Test func `is not a reply to us if it is a request, addressed to another, or from a group address`()
  {
    var packet = reply
    packet.operation = .request
    #expect(!packet.isReply(to: mine, at: source))
    #expect(!reply.isReply(to: theirs, at: source))
    #expect(!reply.isReply(to: mine, at: target))
    for mac in [MACAddress.broadcast, .zero, MACAddress(0x0100_5e00_0001)] {
      packet = reply
      packet.senderMAC = mac
      #expect(!packet.isReply(to: mine, at: source))
    }
  }
}
