// The packet table, run by the kernel on the real receive program (BPF_PROG_TEST_RUN) and by its twin in
// Swift.

import Kernel
import Testing
import Wire

@Suite(.timeLimit(.minutes(5))) struct `The receive program` {
  @Test(arguments: packetTable)
  func `gives each packet of the table its verdict, its fate and its event`(row: PacketRow) throws {
    let program = try ReceiveProgram()
    let outcome = try program.run(row.frame)
    #expect(outcome.verdict == row.verdict)
    #expect(outcome.fates[row.fate] == 1, "fates \(outcome.fates.values)")
    #expect(outcome.fates.seen == 1)
    #expect(outcome.replies.map(\.kind) == (row.kind.map { [$0] } ?? []))
    #expect(hex(outcome.output) == hex(row.frame), "touched")
    guard let reply = outcome.replies.first else { return }
    #expect(reply.source == IPv4Address(target))
    #expect(reply.destination == IPv4Address(ours))
    #expect(reply.sourcePort == Port(targetPort))
    #expect(ourPorts.contains(reply.destinationPort.value))
    #expect(reply.identification == 0x4321)
    #expect(reply.timeToLive == 57)
    #expect(reply.needsRST == (row.kind == .open))
    #expect(hex(reply.options.span.bytes(first: Int(reply.optionsLength))) == hex(row.options))
    #expect(reply.time > 0 && reply.time <= Clock.monotonic)
    if reply.kind == .icmp {
      #expect(reply.icmpType == row.frame[row.icmpOffset])
      #expect(reply.icmpCode == row.frame[row.icmpOffset + 1])
    } else {
      #expect(reply.sequenceNumber == 0x7788_99aa)
      #expect(reply.window == 64_240)
    }
  }

  @Test(arguments: packetTable)
  func `agrees with its twin in Swift on every packet of the table`(row: PacketRow) throws {
    let (fate, slot, reply) = ReceiveProgramSettings().classifier.classify(row.frame.span, time: 1)
    #expect((slot == 0) == (row.verdict != .pass))
    #expect(fate == row.fate)
    let program = try ReceiveProgram()
    #expect(try program.run(row.frame).replies.map(account) == [reply].compactMap { $0 }.map(account))
  }

  @Test func `counts every packet of the table under exactly one fate`() throws {
    let program = try ReceiveProgram()
    var expected = FateCounts()
    for row in packetTable {
      _ = try program.execute(row.frame)
      expected[row.fate] += 1
    }
    #expect(try program.fates() == expected)
    #expect(try program.fates().seen == UInt64(packetTable.count))
  }

  @Test func `does not run on less than an Ethernet header, which its twin counts as malformed`() throws
  {
    let runt = Array(ethernet([]).prefix(10))
    let program = try ReceiveProgram()
    #expect(throws: Errno.self) { try program.execute(runt) }
    #expect(ReceiveProgramSettings().classifier.classify(runt.span, time: 1).fate == .malformed)
  }

  @Test func `sees only the first buffer of a jumbo frame, and counts it as malformed`()
    throws
  {
    let jumbo = tcpFrame(tcp(0x12, data: [UInt8](repeating: 0x55, count: 8960)))
    let outcome = try ReceiveProgram().run(jumbo)
    #expect(outcome.verdict == .pass && outcome.output == jumbo && outcome.replies.isEmpty)
    #expect(outcome.fates[.malformed] == 1 && outcome.fates.seen == 1)
    #expect(ReceiveProgramSettings().classifier.classify(jumbo.span, time: 1).fate == .malformed)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A dedicated address` {
  /// Packets that the kernel gets nevertheless.
  private static func passes(_ row: PacketRow) -> Bool {
    switch row.fate {
    // ARP and other protocols than IPv4; packets to other addresses.
    case .notIPv4, .notOurs: true
    // Whose destination nobody can tell: the kernel's IPv4 drops them, too.
    case .malformed: Self.isUndecipherable(row.frame)
    default: false
    }
  }

  /// Whether the frame ends before its IPv4 packet does, or the header is none.
  private static func isUndecipherable(_ frame: [UInt8]) -> Bool {
    guard frame.count >= 34, frame[14] >> 4 == 4, frame[14] & 15 >= 5 else { return true }
    let length = Int(frame[16]) << 8 | Int(frame[17])
    return length < Int(frame[14] & 15) * 4 || 14 + length > frame.count
  }

  @Test(arguments: packetTable)
  func `gets valid replies as a shared one does, and every other packet to it is dropped and counted`(
    row: PacketRow
  ) throws {
    let outcome = try ReceiveProgram(ReceiveProgramSettings(dedicated: [ours])).run(row.frame)
    let isWithheld = row.verdict == .pass && !Self.passes(row)
    #expect(outcome.verdict == (isWithheld ? .drop : row.verdict))
    #expect(outcome.fates[row.fate] == 1 && outcome.fates.seen == 1)
    #expect(outcome.fates.withheld == (isWithheld ? 1 : 0))
    #expect(outcome.replies.map(\.kind) == (row.kind.map { [$0] } ?? []))
    #expect(hex(outcome.output) == hex(row.frame), "touched")
  }

  @Test func `gets no echo, SYN, UDP or fragment through to the kernel`() throws {
    let program = try ReceiveProgram(ReceiveProgramSettings(dedicated: [ours]))
    let frames = [
      ethernet(ipv4([8, 0, 0xf7, 0xff, 0, 0, 0, 0], protocol: 1)).padded, tcpFrame(tcp(0x02)),
      tcpFrame(tcp(0x02, to: 22)), tcpFrame(tcp(0x10, to: 22)), tcpFrame(tcp(0x04, to: 22)),
      ethernet(ipv4([0, 53, 0, 53, 0, 8, 0, 0], protocol: 17)).padded,
      ethernet(ipv4(tcp(0x02), fragment: 0x2000)).padded, ethernet(ipv4([], protocol: 47)).padded,
    ]
    for frame in frames { #expect(try program.execute(frame).verdict == .drop, "\(hex(frame))") }
    #expect(try program.fates().withheld == UInt64(frames.count))
  }

  @Test func `may lie beside a shared one`() throws {
    let receiver = try ReceiveProgram(
      ReceiveProgramSettings(sources: [IPv4Address(ours), IPv4Address(ours + 1)], dedicated: [ours]))
    for (address, verdict) in [(ours, XDPVerdict.drop), (ours + 1, .pass), (ours + 2, .pass)] {
      let frame = ethernet(ipv4(tcp(0x02, addresses: (target, address)), to: address)).padded
      #expect(try receiver.execute(frame).verdict == verdict)
    }
  }
}

@Suite(.timeLimit(.minutes(5)))
struct `The receive program on a virtual link, where a local TCP leaves its checksum undone,` {
  /// Frames and their fates. On other links the first two have bad checksums; see the table.
  private static let rows: [(name: String, frame: [UInt8], fate: Fate)] = [
    ("a SYN-ACK", partialSynAck, .open),
    ("an RST", tcpFrame(tcp(0x14, checksum: .partial)), .closed),
    (
      "a SYN-ACK with data", tcpFrame(tcp(0x12, data: [1, 2, 3], checksum: .partial)), .open
    ),
    ("a SYN-ACK that is summed", tcpFrame(tcp(0x12)), .open),
    ("a SYN-ACK with a sum of 0", tcpFrame(tcp(0x12, checksum: .zero)), .badChecksum),
    ("a sum that is off by one", off(partialSynAck, FrameOffset.tcpChecksum + 1), .badChecksum),
    ("a wrong IPv4 checksum", off(partialSynAck, FrameOffset.ipv4Checksum), .badChecksum),
    (
      "an error's checksum",
      off(
        ethernet(ipv4(icmp(3, 1, quoting: quotedProbe(bytes: 8)), protocol: 1)),
        FrameOffset.icmpChecksum), .badChecksum
    ),
  ]

  private static func off(_ frame: [UInt8], _ offset: Int) -> [UInt8] {
    var frame = frame
    frame[offset] ^= 1
    return frame
  }

  @Test(arguments: rows.indices)
  func `accepts the pseudo-header's sum and a correct one only, as does its twin`(index: Int)
    throws
  {
    let (name, frame, fate) = Self.rows[index]
    let settings = ReceiveProgramSettings(partialChecksums: true)
    let outcome = try ReceiveProgram(settings).run(frame)
    #expect(outcome.fates[fate] == 1 && outcome.fates.seen == 1, "\(name): \(outcome.fates.values)")
    #expect(outcome.replies.count == (fate == .badChecksum ? 0 : 1), "\(name)")
    let twin = settings.classifier.classify(frame.span, time: 1, partialChecksum: true)
    #expect(twin.fate == fate, "\(name)")
  }
}

@Suite(.timeLimit(.minutes(5))) struct `Late replies` {
  @Test func `are accepted after a restart under the same key`() throws {
    // The program and its maps are new; only the key is kept with the job.
    var frames: [[UInt8]] = []
    for port in ourPorts {
      frames.append(tcpFrame(tcp(0x12, to: port, acknowledgment: cookie(ourPort: port) &+ 1)))
    }
    for half in [frames.prefix(10), frames.suffix(11)] {
      let program = try ReceiveProgram()
      for frame in half { #expect(try program.run(frame).fates[.open] == 1) }
    }
  }

  @Test func `to another shard or run are rejected, as are RSTs and errors`() throws {
    let program = try ReceiveProgram()
    let foreign = [
      tcpFrame(tcp(0x12, acknowledgment: foreignCookie &+ 1)),
      tcpFrame(tcp(0x14, acknowledgment: foreignCookie &+ 1)),
      tcpFrame(tcp(0x14, acknowledgment: foreignCookie)),
      ethernet(
        ipv4(icmp(3, 1, quoting: quotedProbe(bytes: 8, sequence: foreignCookie)), protocol: 1)),
    ]
    for frame in foreign {
      let outcome = try program.run(frame)
      #expect(outcome.verdict == .pass && outcome.fates[.badCookie] == 1 && outcome.replies.isEmpty)
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct `The receive program's settings` {
  private let synAck = tcpFrame(tcp(0x12))

  @Test func `make it drop a SYN-ACK without requesting an RST`() throws {
    let outcome = try ReceiveProgram(ReceiveProgramSettings(wantsResets: false)).run(synAck)
    #expect(outcome.verdict == .drop)
    #expect(outcome.fates[.open] == 1)
    #expect(outcome.replies.map(\.needsRST) == [false])
  }

  @Test func `make it drop a SYN-ACK and request an RST from the transmitter`() throws {
    let outcome = try ReceiveProgram(ReceiveProgramSettings()).run(synAck)
    #expect(outcome.verdict == .drop)
    #expect(outcome.fates[.open] == 1)
    #expect(outcome.replies.map(\.needsRST) == [true])
    #expect(outcome.output == synAck)
  }

  @Test func `make it count and drop valid RSTs and errors, to report open ports only`() throws {
    let settings = ReceiveProgramSettings(reportClosed: false, reportICMP: false)
    let program = try ReceiveProgram(settings)
    for row in resetRows + icmpRows {
      let unreported: Fate? =
        switch row.fate {
        case .closed: .closedUnreported
        case .icmp: .icmpUnreported
        default: nil
        }
      let outcome = try program.run(row.frame)
      #expect(outcome.verdict == row.verdict, "\(row.name)")
      #expect(outcome.fates[unreported ?? row.fate] == 1, "\(row.name)")
      #expect(outcome.fates.seen == 1 && outcome.replies.isEmpty, "\(row.name)")
      #expect(settings.classifier.classify(row.frame.span, time: 1).fate == unreported ?? row.fate)
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct `The receive program with a full event ring` {
  private func full() throws -> (ReceiveProgram, room: Int) {
    let program = try ReceiveProgram(ReceiveProgramSettings(ringBytes: 4096))
    let synAck = tcpFrame(tcp(0x12))
    var room = 0
    // An event and its header are 96 bytes; a page cannot hold more than 42.
    while try program.fates()[.openRingFull] == 0, room <= 42 {
      _ = try program.execute(synAck)
      room += 1
    }
    return (program, room - 1)
  }

  @Test func `drops a SYN-ACK without an RST, so that the target retransmits it`() throws {
    let (program, room) = try full()
    let synAck = tcpFrame(tcp(0x12))
    let before = try program.fates()
    let run = try program.execute(synAck)
    let fates = try program.fates() - before
    #expect(run.verdict == .drop)
    #expect(run.output == synAck)
    #expect(fates[.openRingFull] == 1 && fates.seen == 1)
    #expect(room > 38)
    #expect(try program.takeReplies().count == room)
    // After the retransmission there is room.
    let outcome = try program.run(synAck)
    #expect(outcome.verdict == .drop && outcome.replies.count == 1)
  }

  @Test func `counts RSTs and errors as lost`() throws {
    let (program, _) = try full()
    let before = try program.fates()
    for row in resetRows.prefix(2) + icmpRows.prefix(3) {
      #expect(try program.execute(row.frame).verdict == .drop)
    }
    let fates = try program.fates() - before
    #expect(fates[.closedRingFull] == 2 && fates[.icmpRingFull] == 3 && fates.seen == 5)
    #expect(fates.eventsLost == 5)
  }

  @Test func `wraps around many times without losing or inventing a record`() throws {
    let program = try ReceiveProgram(ReceiveProgramSettings(ringBytes: 4096))
    for number in 0..<UInt32(500) {
      let frame = tcpFrame(tcp(0x12, sequence: number))
      #expect(try program.run(frame).replies.map(\.sequenceNumber) == [number])
    }
  }
}

extension PacketRow {
  /// The offset of the ICMP message.
  fileprivate var icmpOffset: Int {
    let ipv4 = frame[12] == 0x81 ? 18 : 14
    return ipv4 + Int(frame[ipv4] & 15) * 4
  }
}

extension Span<UInt8> {
  func bytes(first count: Int) -> [UInt8] { (0..<count).map { self[$0] } }
}
