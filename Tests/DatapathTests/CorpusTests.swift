// The packet table over a real interface, with each receiver.

import Datapath
import Kernel
import Testing
import Wire

/// Sends whole frames on an interface, valid or not.
private final class Injector: Sendable {
  private let socket: FrameSocket

  init(_ interface: String) throws {
    socket = try FrameSocket(.arp, interfaceIndex: interfaceIndex(interface))
  }

  func send(_ frame: [UInt8]) throws {
    guard try socket.send(frame) else { throw Problem(description: "the interface is busy") }
  }
}

extension PacketRow {
  /// Returns whether a receiver sees the frame. The kernel removes the outermost VLAN tag before capture, which sees
  /// only IPv4.
  fileprivate func isSeen(by mode: ReceiveMode) -> Bool {
    let tags: [[UInt8]] = [[0x81, 0x00], [0x88, 0xa8]]
    let doubly =
      frame.count >= 18 && tags.contains(Array(frame[12..<14])) && tags.contains(Array(frame[16..<18]))
    return mode != .packet || !doubly
  }
}

/// A SYN-ACK whose sequence number shows that all frames sent before it have been handled.
private func marker(_ number: Int) -> [UInt8] {
  tcpFrame(tcp(0x12, sequence: 0xff00_0000 + UInt32(number)))
}

@Suite(.serialized, .timeLimit(.minutes(5))) struct `The packet table over a veth` {
  @Test(arguments: ReceiveMode.allCases)
  func `has the same events and fates as without an interface`(mode: ReceiveMode) throws {
    try Lab.with { lab in
      // Large enough for the table's longest frames, and small enough for one buffer each.
      try lab.shell(
        "ip -n \(lab.scanner) link set scan0 mtu 3400; ip -n \(lab.peer) link set peer0 mtu 3400")
      let receiver = try lab.onScanner {
        try openReceiver(
          ReceiveSettings(
            interface: try interfaceIndex("scan0"), interfaceName: "scan0",
            sources: [IPv4Address(ours)],
            localSources: [], ports: ourPorts, wantsResets: true, reportClosed: true, reportICMP: true),
          mode: mode)
      }
      receiver.setKey(referenceKey)
      let injector = try lab.onPeer { try Injector("peer0") }
      var expected = FateCounts()
      for (number, row) in packetTable.enumerated() {
        try injector.send(row.frame)
        try injector.send(marker(number))
        expected[row.fate] += 1
        expected[.open] += 1
        let replies = try take(from: receiver, until: 0xff00_0000 + UInt32(number), row.name)
        let wanted =
          row.isSeen(by: mode)
          ? ReceiveProgramSettings().classifier.classify(row.frame.span, time: 1).reply : nil
        #expect(replies.map(account) == [wanted].compactMap { $0 }.map(account), "\(row.name)")
        #expect(replies.allSatisfy { $0.needsRST == (row.kind == .open) }, "\(row.name)")
      }
      // The filter of packet capture passes candidates only.
      guard mode != .packet else { return }
      let all = try eventually { try receiver.fates().seen >= expected.seen }
      let fates = try receiver.fates()
      #expect(all)
      #expect(fates == expected, "\(fates.values) \(expected.values)")
    }
  }

  @Test
  func
    `leaves RSTs to the kernel in packet capture only if the kernel's own TCP sees the frame`()
    throws
  {
    try Lab.with { lab in
      let receiver = try lab.onScanner {
        try openReceiver(
          ReceiveSettings(
            interface: try interfaceIndex("scan0"), interfaceName: "scan0",
            sources: [IPv4Address(ours)],
            localSources: [IPv4Address(ours)], ports: ourPorts, wantsResets: true, reportClosed: true,
            reportICMP: true),
          mode: .packet)
      }
      receiver.setKey(referenceKey)
      let injector = try lab.onPeer { try Injector("peer0") }
      let packet = ipv4(tcp(0x12))
      let cases: [(name: String, frame: [UInt8], needsRST: Bool)] = [
        ("to this host", ethernet(packet), false),
        ("in a VLAN that this host is not in", ethernet(packet, tags: [0x8100]), true),
        ("to another Ethernet address", ethernet(packet, to: [2, 0, 0, 0, 0, 9]), true),
      ]
      for (number, (name, frame, needsRST)) in cases.enumerated() {
        try injector.send(frame)
        try injector.send(marker(number))
        let replies = try take(from: receiver, until: 0xff00_0000 + UInt32(number), name)
        #expect(replies.map(\.needsRST) == [needsRST], "\(name)")
      }
    }
  }

  /// Returns the replies up to the marker with this sequence number.
  private func take(from receiver: any Receiver, until sequence: UInt32, _ name: String) throws
    -> [Reply]
  {
    var replies: [Reply] = []
    let came = try eventually {
      _ = try receiver.drain(limit: 16) { reply in
        replies.append(reply)
        return true
      }
      return replies.contains { $0.kind == .open && $0.sequenceNumber == sequence }
    }
    guard came else { throw Problem(description: "no marker arrived after \(name)") }
    return replies.filter { $0.sequenceNumber != sequence }
  }
}
