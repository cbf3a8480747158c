// What a valid SYN-ACK costs in the receive program, bpf/receive.bpf.c.
import Kernel
import Wire

/// The program with all that belongs to it, attached to nothing.
private final class ReceiveProgram {
  private static let key = SipHashKey(k0: 1, k1: 2)
  private static let ours = IPv4Address(198, 18, 0, 1)
  private static let target = IPv4Address(198, 19, 2, 3)
  private static let ports: ClosedRange<UInt16> = 32768...61000
  private let object: BPFObject
  private let ring: EventRing
  private let program: Int32
  /// Records that fit in the event ring, of 8 bytes more than the event.
  let room: Int

  init(_ reset: ResetMethod) throws {
    let object = try BPFObject(.receive)
    try object.setReadOnlyData(
      Contract.settings(ports: Self.ports, reset: reset, reportClosed: false, reportICMP: false))
    try object.load()
    var address: [UInt8] = []
    address.append(bigEndian: Self.ours.value)
    try object.map("WHITELIST_IPV4").update(key: address, value: [1])
    try SharedKey(try object.map("SIPHASH_KEY")).set(k0: Self.key.k0, k1: Self.key.k1)
    let events = try object.map("EVENTS")
    ring = try EventRing(events)
    room = events.maxEntries / (Contract.eventLength + 8)
    program = try object.program("receive")
    self.object = object
  }

  /// A SYN-ACK to a probe of ours, with the MSS option that nearly all carry.
  static var synAck: [UInt8] {
    let (ourPort, port): (UInt16, UInt16) = (40_000, 443)
    let sequence = Cookie(key: key).sequenceNumber(
      source: ours.value, destination: target.value, sourcePort: ourPort, destinationPort: port)
    return synAckFrame(
      from: target, port, to: ours, ourPort, sequence: 0x1234_5678, acknowledging: sequence &+ 1,
      ethernet: MACAddress(0x0200_0000_0001).bytes + MACAddress(0x0200_0000_0002).bytes)
  }

  /// Nanoseconds a packet as the kernel measures them, averaged over `times`; all of them must have become
  /// events and met with `verdict`.
  func run(_ times: Int, expecting verdict: XDPVerdict) throws -> Double {
    let run = try BPFProgramRun(program: program, frame: Self.synAck, times: UInt32(times))
    let events = ring.drain(limit: .max) { _ in true }
    guard run.verdict == verdict, events == times else {
      throw Fault("of \(times) SYN-ACKs \(events) became events; the verdict was \(run.code)")
    }
    return Double(run.nanoseconds)
  }

  /// As `run` with a frame that is no IPv4.
  func runOther(_ times: Int) throws -> Double {
    var frame = Self.synAck
    frame.replaceSubrange(12..<14, with: [0x86, 0xdd])
    return Double(
      try BPFProgramRun(program: program, frame: frame, times: UInt32(times)).nanoseconds)
  }
}

/// The shortest frame that is a SYN-ACK with an MSS option.
///
/// - Parameter ethernet: the destination's address and the source's.
func synAckFrame(
  from source: IPv4Address, _ sourcePort: UInt16, to destination: IPv4Address,
  _ destinationPort: UInt16, sequence: UInt32, acknowledging: UInt32, ethernet: [UInt8]
) -> [UInt8] {
  let tcp = TCPHeader(
    sourcePort: Port(sourcePort), destinationPort: Port(destinationPort), sequenceNumber: sequence,
    acknowledgmentNumber: acknowledging, flags: [.syn, .ack], window: 64240,
    options: [2, 4, 0x05, 0xb4])
  let ipv4 = IPv4Header(
    totalLength: UInt16(IPv4Header.length + tcp.length), timeToLive: 60, protocolNumber: .tcp,
    source: source, destination: destination)
  let frame = ethernet + [8, 0] + ipv4.bytes + tcp.bytes(source: source, destination: destination)
  return frame + [UInt8](repeating: 0, count: FrameLayout.minimumLength - frame.count)
}

/// The path without an RST leaves the packet as it is, so that it can be repeated as long as the ring has
/// room. Turning it round cannot: each repetition would see the last one's RST. That is measured in runs of
/// one packet, less what a run of one packet costs without it. All figures contain what the kernel's loop
/// costs; a packet of another kind, which is passed on at once, shows how much that is at most.
func measureReceiving(_ report: inout Report) {
  report.add("xdp_not_ipv4", "ns") {
    let program = try ReceiveProgram(.none)
    return try (0..<50).map { _ in try program.runOther(20_000) }.min() ?? 0
  }
  report.add("xdp_syn_ack", "ns") {
    let program = try ReceiveProgram(.none)
    return try (0..<50).map { _ in try program.run(program.room / 2, expecting: .drop) }.min() ?? 0
  }
  report.add("xdp_rst_in_place", "ns") {
    // Good to ten nanoseconds: where the maps come to lie in memory changes single runs more than the RST.
    try (0..<9).map { _ in try differenceOfSingleRuns() }.sorted()[4]
  }
}

private func differenceOfSingleRuns() throws -> Double {
  let (without, with) = (try ReceiveProgram(.none), try ReceiveProgram(.inPlace))
  var (plain, turned): ([Double], [Double]) = ([], [])
  for _ in 0..<10_000 {
    plain.append(try without.run(1, expecting: .drop))
    turned.append(try with.run(1, expecting: .transmit))
  }
  return undisturbed(turned) - undisturbed(plain)
}

/// The average of the faster half: single runs are measured in whole nanoseconds, and some are interrupted.
private func undisturbed(_ values: [Double]) -> Double {
  let half = values.sorted().prefix(values.count / 2)
  return half.reduce(0, +) / Double(half.count)
}
