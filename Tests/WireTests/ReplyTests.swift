import TestSupport
import Testing
import Wire

/// An event record with the layout of bpf/synbox.h.
private func record(kind: UInt8 = 1, optionsLength: UInt8 = 4, needsRST: UInt8 = 0, slot: UInt8 = 0)
  -> [UInt8]
{
  var bytes: [UInt8] = []
  bytes += [0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01]  // time_ns, little-endian
  bytes += [198, 18, 7, 8]  // saddr
  bytes += [198, 19, 0, 1]  // daddr
  bytes += [0x01, 0xbb]  // sport 443
  bytes += [0x9c, 0x40]  // dport 40000
  bytes += [0xf0, 0x01, 0x02, 0x03]  // seqnum
  bytes += [0xa0, 0x0b, 0x0c, 0x0d]  // acknum
  bytes += [0xfa, 0xf0]  // window
  bytes += [0x43, 0x21]  // ipid
  bytes += [57, kind, 3, 13]  // ttl, kind, icmp_type, icmp_code
  bytes += [192, 0, 2, 1]  // icmp_responder
  bytes += [0x52, optionsLength, needsRST, slot]  // tcp_flags, options_length, rst_wanted, slot
  bytes += [2, 4, 5, 0xb4] + [UInt8](repeating: 0, count: 36)  // options
  bytes += [0, 0, 0, 0]  // zero2
  return bytes
}

private func decode(_ bytes: [UInt8]) -> Reply? { Reply(record: bytes.span) }

@Suite(.timeLimit(.minutes(5))) struct `An event record` {
  @Test func `is decoded field by field`() throws {
    #expect(record().count == Reply.recordLength)
    let reply = try #require(decode(record(needsRST: 1, slot: 63)))
    #expect(reply.kind == .open)
    #expect(reply.time == 0x0102_0304_0506_0708)
    #expect(reply.source == IPv4Address(198, 18, 7, 8))
    #expect(reply.destination == IPv4Address(198, 19, 0, 1))
    #expect(reply.sourcePort == Port(443))
    #expect(reply.destinationPort == Port(40_000))
    #expect(reply.sequenceNumber == 0xf001_0203)
    #expect(reply.acknowledgmentNumber == 0xa00b_0c0d)
    #expect(reply.window == 64_240)
    #expect(reply.identification == 0x4321)
    #expect(reply.timeToLive == 57)
    #expect(reply.icmpType == 3 && reply.icmpCode == 13)
    #expect(reply.icmpResponder == IPv4Address(192, 0, 2, 1))
    #expect(reply.flags == [.syn, .ack, TCPFlags(rawValue: 0x40)])
    #expect(reply.needsRST)
    #expect(reply.slot == 63)
    #expect(reply.optionsLength == 4)
    #expect(reply.tcpOptions.maximumSegmentSize == 1460)
  }

  @Test func `has the kinds of bpf/synbox.h`() {
    #expect(decode(record(kind: 1))?.kind == .open)
    #expect(decode(record(kind: 2))?.kind == .closed)
    #expect(decode(record(kind: 3))?.kind == .icmp)
    #expect(decode(record())?.needsRST == false)
  }

  @Test func `with an invalid length, kind, options length or slot is rejected`() {
    for length in 0..<200 where length != Reply.recordLength {
      let bytes = Array((record() + record() + record()).prefix(length))
      #expect(decode(bytes) == nil, "\(length) bytes")
    }
    for kind in [0, 4, 255] as [UInt8] { #expect(decode(record(kind: kind)) == nil) }
    for length in [41, 128, 255] as [UInt8] {
      #expect(decode(record(optionsLength: length)) == nil)
    }
    #expect(decode(record(optionsLength: 40)) != nil)
    for slot in [64, 255] as [UInt8] { #expect(decode(record(slot: slot)) == nil) }
  }

  @Test func `of random bytes does not trap`() {
    var random = SeededGenerator(7)
    for _ in 0..<20_000 {
      var bytes = (0..<Reply.recordLength).map { _ in UInt8.random(in: 0...255, using: &random) }
      bytes[33] = UInt8.random(in: 0...4, using: &random)
      bytes[41] = UInt8.random(in: 0...60, using: &random)
      bytes[43] = UInt8.random(in: 0...100, using: &random)
      let reply = decode(bytes)
      #expect((reply != nil) == (1...3 ~= bytes[33] && bytes[41] <= 40 && bytes[43] < 64))
      _ = reply?.tcpOptions
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct `TCP options` {
  private func read(_ bytes: [UInt8]) -> TCPOptions { TCPOptions(bytes.span) }

  @Test func `of Linux are parsed`() {
    let options = read([2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 1, 0, 0xff, 0, 0, 1, 1, 3, 3, 7])
    #expect(options.maximumSegmentSize == 1460)
    #expect(options.selectiveAcknowledgmentPermitted)
    #expect(options.timestampValue == 256 && options.timestampEcho == 0xff00_0001)
    #expect(options.windowScale == 7)
  }

  @Test(
    arguments: [
      [], [0], [1, 1, 1, 1], [2], [2, 0], [2, 1], [2, 3, 5], [2, 4, 5], [2, 5, 5, 0xb4, 0], [3, 2],
      [3, 4, 7, 7], [4, 3, 0], [8, 9, 0, 0, 0, 0, 0, 0, 0], [8, 10, 0, 0, 0, 0, 0, 0, 0],
      [0, 2, 4, 5, 0xb4],
      [254, 0, 2, 4, 5, 0xb4], [254, 1, 2, 4, 5, 0xb4], [254, 255, 2, 4, 5, 0xb4], [1, 1, 1, 2],
    ] as [[UInt8]])
  func `that are empty or malformed are absent`(bytes: [UInt8]) {
    #expect(read(bytes) == read([]))
  }

  @Test func `are parsed up to the first invalid length`() {
    let options = read([2, 4, 5, 0xb4, 3, 0, 4, 2])
    #expect(options.maximumSegmentSize == 1460)
    #expect(options.windowScale == nil && !options.selectiveAcknowledgmentPermitted)
  }

  @Test func `of unknown kinds are skipped`() {
    #expect(read([30, 4, 9, 9, 3, 3, 9]).windowScale == 9)
  }

  @Test func `of random bytes do not trap`() {
    var random = SeededGenerator(11)
    for _ in 0..<50_000 {
      let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
        // Small numbers are more likely to be known kinds and valid lengths.
        UInt8.random(in: 0...(Bool.random(using: &random) ? 10 : 255), using: &random)
      }
      let options = read(bytes)
      #expect((options.timestampValue == nil) == (options.timestampEcho == nil))
    }
  }
}
