// The bytes of DHCP, of the reports to PID 1 and of the lease.
import Init
import NIC
import TestSupport
import Testing
import Wire

private let own = MACAddress(0x0200_0000_0001)
private let serverMAC = MACAddress(0x0200_0000_0099)

/// A server's frame, built by hand from RFC 2131 and RFC 2132.
struct ServerFrame {
  var operation: UInt8 = 2
  var options: [UInt8] = [
    53, 1, 5, 54, 4, 192, 0, 2, 1, 1, 4, 255, 255, 255, 0, 51, 4, 0, 0, 14, 16, 3, 8, 192, 0, 2, 254,
    192,
    0, 2, 253, 6, 4, 192, 0, 2, 53, 255,
  ]
  var serverName = [UInt8](repeating: 0, count: 64)
  var file = [UInt8](repeating: 0, count: 128)
  var change: (inout [UInt8]) -> Void = { _ in }
  var hasChecksum = true

  var bytes: [UInt8] {
    var message: [UInt8] = [operation, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 0]
    message += [0, 0, 0, 0, 192, 0, 2, 77, 0, 0, 0, 0, 0, 0, 0, 0]
    message += own.bytes + [UInt8](repeating: 0, count: 10) + serverName + file
    message += [99, 130, 83, 99] + options
    var datagram: [UInt8] = [0, 67, 0, 68]
    datagram.append(bigEndian: UInt16(8 + message.count))
    datagram += [0, 0] + message
    let source = IPv4Address(192, 0, 2, 1)
    let destination = IPv4Address(192, 0, 2, 77)
    if hasChecksum {
      var checksum = InternetChecksum()
      checksum.add(source.value)
      checksum.add(destination.value)
      checksum.add(UInt16(17))
      checksum.add(UInt16(datagram.count))
      checksum.add(datagram)
      datagram[6] = UInt8(checksum.value >> 8)
      datagram[7] = UInt8(checksum.value & 0xff)
    }
    let header = IPv4Header(
      totalLength: UInt16(20 + datagram.count), timeToLive: 64,
      protocolNumber: IPProtocol(rawValue: 17), source: source, destination: destination)
    var frame = own.bytes + serverMAC.bytes + [8, 0] + header.bytes + datagram
    change(&frame)
    return frame
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A reply of a DHCP server` {
  @Test func `is read`() throws {
    let reply = try #require(DHCPReply(frame: ServerFrame().bytes))
    #expect(reply.kind == .acknowledgement && reply.transaction == 0xdead_beef)
    #expect(reply.hardware == own && reply.sender == serverMAC)
    #expect(reply.address == IPv4Address(192, 0, 2, 77) && reply.server == IPv4Address(192, 0, 2, 1))
    #expect(reply.prefixLength == 24 && reply.router == IPv4Address(192, 0, 2, 254))
    #expect(reply.nameServers == [IPv4Address(192, 0, 2, 53)] && reply.leaseTime == 3600)
    #expect(reply.renewalTime == nil)
    // Ethernet pads short frames, and a checksum may be missing.
    #expect(DHCPReply(frame: ServerFrame().bytes + [0, 0, 0]) == reply)
    #expect(DHCPReply(frame: ServerFrame(hasChecksum: false).bytes) == reply)
  }

  @Test func `may continue in the fields for a file and a server's name`() throws {
    var frame = ServerFrame()
    frame.options = [53, 1, 2, 52, 1, 3, 6, 4, 192, 0, 2, 53, 255]
    frame.file.replaceSubrange(0..<12, with: [6, 4, 192, 0, 2, 54, 58, 4, 0, 0, 1, 0])
    frame.serverName.replaceSubrange(0..<7, with: [6, 4, 192, 0, 2, 55, 255])
    let reply = try #require(DHCPReply(frame: frame.bytes))
    #expect(reply.kind == .offer && reply.renewalTime == 256)
    #expect(reply.nameServers.map(\.description) == ["192.0.2.53", "192.0.2.54", "192.0.2.55"])
  }

  @Test func `is nothing if it is cut off, damaged, or something else`() {
    let whole = ServerFrame().bytes
    for length in 0..<whole.count { #expect(DHCPReply(frame: Array(whole.prefix(length))) == nil) }
    // Ethernet type, version, header length, protocol, fragment, checksums, ports, op, magic.
    for place in [12, 14, 23, 20, 24, 35, 37, 42, 43, 44, 60, 278, 281] {
      var frame = whole
      frame[place] ^= 0x01
      #expect(DHCPReply(frame: frame) == nil, "byte \(place)")
    }
    let options: [[UInt8]] = [
      [], [255], [53], [53, 1], [53, 2, 5, 5, 255], [53, 1, 9, 255], [53, 1, 5, 51, 200, 0],
    ]
    for list in options {
      #expect(DHCPReply(frame: ServerFrame(options: list).bytes) == nil, "\(list)")
    }
    #expect(DHCPReply(frame: ServerFrame(operation: 1).bytes) == nil)
  }

  @Test func `of any bytes does not trap`() {
    var random = SeededGenerator(Seed.next())
    let whole = ServerFrame(hasChecksum: false).bytes
    for _ in 0..<20_000 {
      var frame = whole
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        frame[.random(in: 34..<frame.count, using: &random)] = .random(in: 0...255, using: &random)
      }
      guard let reply = DHCPReply(frame: frame), let lease = DHCPLease(reply) else { continue }
      #expect(NetworkReport(NetworkReport.configured(lease.configuration).bytes) != nil)
      #expect(DHCPLease.parse(lease.bytes(since: 7))?.lease == lease)
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A request of the DHCP client` {
  @Test func `is a frame that a server can read`() throws {
    var request = DHCPRequest(.request, transaction: 0x0102_0304, hardware: own, hostName: "box-1")
    request.requested = IPv4Address(192, 0, 2, 77)
    request.server = IPv4Address(192, 0, 2, 1)
    let frame = request.frame(to: IPv4Address(0xffff_ffff), hop: .broadcast)
    #expect(frame.count >= 14 + 20 + 8 + 300)
    #expect(Array(frame.prefix(14)) == MACAddress.broadcast.bytes + own.bytes + [8, 0])
    var header = InternetChecksum()
    header.add(frame[14..<34])
    #expect(header.folded == 0xffff)
    var datagram = InternetChecksum()
    datagram.add(frame[26..<34])
    datagram.add(UInt16(17))
    datagram.add(UInt16(frame.count - 34))
    datagram.add(frame[34...])
    #expect(datagram.folded == 0xffff)
    let options = Array(frame[(14 + 28 + 240)...])
    for part in [
      [53, 1, 3], [61, 7, 1, 2, 0, 0, 0, 0, 1], [50, 4, 192, 0, 2, 77], [54, 4, 192, 0, 2, 1],
      [12, 5] + Array("box-1".utf8),
    ] as [[UInt8]] {
      #expect(!options.ranges(of: part).isEmpty, "\(part)")
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A report to PID 1` {
  private func configuration(
    _ address: String, gateway: String? = nil, servers: [String] = []
  ) -> NetworkConfiguration? {
    InterfaceAddress(address).flatMap {
      NetworkConfiguration(
        address: $0, gateway: gateway.flatMap { IPv4Address($0) },
        nameServers: servers.compactMap { IPv4Address($0) })
    }
  }

  @Test func `is the same after it was written and read`() throws {
    let full = try #require(
      configuration("192.0.2.10/24", gateway: "192.0.2.1", servers: ["192.0.2.53", "9.9.9.9"]))
    let plain = try #require(configuration("10.0.0.1/31"))
    for report in [.unconfigured, .configured(full), .configured(plain)] as [NetworkReport] {
      #expect(report.bytes.count == NetworkReport.size && NetworkReport(report.bytes) == report)
    }
  }

  @Test(
    arguments: [
      ("0.1.2.3/24", nil), ("127.0.0.1/8", nil), ("224.0.0.5/24", nil), ("255.255.255.255/24", nil),
      ("192.0.2.0/24", nil), ("192.0.2.255/24", nil), ("192.0.2.10/0", nil),
      ("192.0.2.10/24", "192.0.3.1"), ("192.0.2.10/24", "192.0.2.10"), ("192.0.2.10/24", "192.0.2.255"),
    ] as [(String, String?)])
  func `never holds what no host can have`(_ address: String, _ gateway: String?) {
    #expect(configuration(address, gateway: gateway) == nil)
  }

  @Test func `is nothing if a single byte is odd`() throws {
    let report = NetworkReport.configured(
      try #require(configuration("192.0.2.10/24", gateway: "192.0.2.1")))
    let bytes = report.bytes
    #expect(NetworkReport(bytes.dropLast()) == nil && NetworkReport(bytes + [0]) == nil)
    for place in [0, 4, 5, 7, 16, 27] {
      var changed = bytes
      changed[place] ^= 0x80
      #expect(NetworkReport(changed) == nil, "byte \(place)")
    }
    #expect(NetworkReport([UInt8](repeating: 0, count: NetworkReport.size)) == nil)
  }
}
