// The cookie in the kernel (bpf/cookie.h) and its twin in Swift (Wire.Cookie).

import Kernel
import TestSupport
import Testing
import Wire

/// A SYN-ACK that acknowledges `sequence` of the probe with this four-tuple.
private func synAck(
  source: UInt32, destination: UInt32, sourcePort: UInt16, destinationPort: UInt16, sequence: UInt32
) -> [UInt8] {
  let segment = tcp(
    0x12, from: destinationPort, to: sourcePort, acknowledgment: sequence &+ 1,
    addresses: (destination, source))
  return ethernet(ipv4(segment, from: destination, to: source)).padded
}

@Suite(.timeLimit(.minutes(5))) struct `The cookie in the kernel` {
  @Test func `is SipHash-1-3 of source, destination port, two zeros, destination, source port`() throws
  {
    // From 0.1.2.3 port 0x0809 to 4.5.6.7 port 0x0a0b. WireTests hold this hash against the published vectors.
    let vector = SipHash13.hash([0, 1, 2, 3, 10, 11, 0, 0, 4, 5, 6, 7, 8, 9], key: referenceKey)
    let program = try ReceiveProgram(
      ReceiveProgramSettings(sources: [IPv4Address(0x0001_0203)], ports: 0x0809...0x0809))
    func verdict(_ sequence: UInt64) throws -> XDPVerdict? {
      let frame = synAck(
        source: 0x0001_0203, destination: 0x0405_0607, sourcePort: 0x0809, destinationPort: 0x0a0b,
        sequence: UInt32(truncatingIfNeeded: sequence))
      return try program.run(frame).verdict
    }
    #expect(try verdict(vector) == .drop)
    for bit in 0..<UInt64(32) { #expect(try verdict(vector ^ 1 << bit) == .pass, "bit \(bit)") }
  }

  @Test func `equals Swift's for any key and four-tuple, and a reply with one bit changed is invalid`()
    throws
  {
    let seed = Seed.next()
    var random = SeededGenerator(seed)
    let sources = (0..<64).map { IPv4Address(0xc612_0000 + UInt32($0) * 0x0001_0101) }
    let program = try ReceiveProgram(ReceiveProgramSettings(sources: sources, ports: 0...65_535))
    for key in [referenceKey, SipHashKey(k0: 0, k1: 0), SipHashKey(k0: .max, k1: .max)]
      + (0..<20).map({ _ in SipHashKey(k0: random.next(), k1: random.next()) })
    {
      program.setKey(key)
      for _ in 0..<50 {
        let source = sources.randomElement(using: &random)!.value
        let destination: UInt32 = random.next()
        let (sourcePort, destinationPort): (UInt16, UInt16) = (random.next(), random.next())
        let sequence = Cookie(key: key).sequenceNumber(
          source: source, destination: destination, sourcePort: sourcePort,
          destinationPort: destinationPort)
        func frame(_ sequence: UInt32) -> [UInt8] {
          synAck(
            source: source, destination: destination, sourcePort: sourcePort,
            destinationPort: destinationPort, sequence: sequence)
        }
        let flipped = sequence ^ 1 << UInt32.random(in: 0..<32, using: &random)
        #expect(try program.execute(frame(sequence)).verdict == .drop, "key \(key), seed \(seed)")
        #expect(try program.execute(frame(flipped)).verdict == .pass, "key \(key), seed \(seed)")
      }
      _ = try program.takeReplies()
    }
  }

  @Test func `of an old key is invalid once a new key is set`() throws {
    let program = try ReceiveProgram()
    let frame = tcpFrame(tcp(0x12))
    #expect(try program.run(frame).verdict == .drop)
    program.setKey(SipHashKey(k0: 1, k1: 2))
    #expect(try program.run(frame).fates[.badCookie] == 1)
    program.setKey(referenceKey)
    #expect(try program.run(frame).verdict == .drop)
  }
}
