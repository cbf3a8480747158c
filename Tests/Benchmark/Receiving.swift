// Measures the cost of valid and forged SYN-ACKs in the receive program, bpf/receive.bpf.c.
import Kernel
import Wire

/// The loaded receive program, not attached to an interface.
private final class ReceiveProgram {
  private static let key = SipHashKey(k0: 1, k1: 2)
  private static let ours = IPv4Address(198, 18, 0, 1)
  private static let target = IPv4Address(198, 19, 2, 3)
  static let ports: ClosedRange<UInt16> = 32768...61000
  static let ourPort: UInt16 = 40_000
  private let object: BPFObject
  private let ring: EventRing
  private let program: Int32
  /// Events that fit in the event ring. Each has a header of 8 bytes.
  let capacity: Int

  /// - Parameter slots: The number of slots, each of which has a key. The SYN-ACK proves the one of port 40,000's hint.
  init(
    slots: Int = 1, ports: ClosedRange<UInt16> = ports, isDedicated: Bool = false,
    reportsAll: Bool = false
  ) throws {
    let object = try BPFObject(.receive)
    try object.setReadOnlyData(
      Contract.settings(
        ports: ports, slots: slots, wantsResets: true, reportClosed: reportsAll,
        reportICMP: reportsAll, generator: reportsAll, partialChecksums: reportsAll))
    try object.load()
    var address: [UInt8] = []
    address.append(bigEndian: Self.ours.value)
    try object.map("WHITELIST_IPV4").update(
      key: address, value: [Contract.use(dedicated: isDedicated)])
    let keys = try SharedKeys(try object.map("SIPHASH_KEY"))
    let proved = KeySlots(slots, ports: ports).hint(of: Self.ourPort)
    for slot in 0..<slots {
      let key = slot == proved ? Self.key : SipHashKey.random()
      keys.set(slot, k0: key.k0, k1: key.k1)
    }
    let events = try object.map("EVENTS")
    ring = try EventRing(events)
    capacity = events.maxEntries / (Contract.eventLength + 8)
    program = try object.program("receive")
    self.object = object
  }

  /// A valid SYN-ACK, with the MSS option that almost all have.
  static var synAck: [UInt8] { synAck(ahead: 1) }

  /// A SYN-ACK that acknowledges our number and `ahead`: valid if that is 1.
  private static func synAck(ahead: UInt32) -> [UInt8] {
    let port: UInt16 = 443
    let sequence = Cookie(key: key).sequenceNumber(
      source: ours.value, destination: target.value, sourcePort: ourPort, destinationPort: port)
    return synAckFrame(
      from: target, port, to: ours, ourPort, sequence: 0x1234_5678, acknowledging: sequence &+ ahead,
      ethernet: MACAddress(0x0200_0000_0001).bytes + MACAddress(0x0200_0000_0002).bytes)
  }

  /// Runs the program `times` times; returns the average in nanoseconds, measured by the kernel. Throws unless each run
  /// produced an event and returned `verdict`.
  func run(_ times: Int, expecting verdict: XDPVerdict) throws -> Double {
    let run = try BPFProgramRun(program: program, frame: Self.synAck, times: UInt32(times))
    let events = ring.drain(limit: .max) { _ in true }
    guard run.verdict == verdict, events == times else {
      throw Fault("\(events) of \(times) SYN-ACKs became events; the verdict was \(run.code)")
    }
    return Double(run.nanoseconds)
  }

  /// Like `run`, with a frame that is not IPv4.
  func runOther(_ times: Int) throws -> Double {
    var frame = Self.synAck
    frame.replaceSubrange(12..<14, with: [0x86, 0xdd])
    return try runPassed(frame, times)
  }

  /// What the verifier made of the program.
  func size() throws -> (instructions: Int, steps: Int) { try object.size(of: program) }

  /// Like `run`, with an echo request.
  func runEcho(_ times: Int, expecting verdict: XDPVerdict) throws -> Double {
    let ipv4 = IPv4Header(
      totalLength: 28, timeToLive: 60, protocolNumber: .icmp, source: Self.target,
      destination: Self.ours)
    let frame = Self.synAck[..<14] + ipv4.bytes + [8, 0, 0xf7, 0xff, 0, 0, 0, 0]
    return try runPassed(frame + [UInt8](repeating: 0, count: 18), times, expecting: verdict)
  }

  /// Like `run`, with a wrong cookie.
  func runForged(_ times: Int, expecting verdict: XDPVerdict = .pass) throws -> Double {
    try runPassed(Self.synAck(ahead: 0x1_0000), times, expecting: verdict)
  }

  private func runPassed(
    _ frame: [UInt8], _ times: Int, expecting verdict: XDPVerdict = .pass
  ) throws -> Double {
    let run = try BPFProgramRun(program: program, frame: frame, times: UInt32(times))
    guard run.verdict == verdict else { throw Fault("the verdict was \(run.code)") }
    return Double(run.nanoseconds)
  }
}

/// Returns the shortest frame of a SYN-ACK with an MSS option.
///
/// - Parameter ethernet: The destination address, then the source address.
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

/// The program leaves the packet unchanged, so the kernel can repeat it until the ring is full. All figures include the
/// overhead of the kernel's loop; `xdp_not_ipv4` is its upper bound.
func measureReceiving(_ report: inout Report) {
  report.add("xdp_not_ipv4", "ns") {
    let program = try ReceiveProgram()
    return try (0..<50).map { _ in try program.runOther(20_000) }.min() ?? 0
  }
  report.add("xdp_syn_ack", "ns") {
    let program = try ReceiveProgram()
    return try (0..<50).map { _ in try program.run(program.capacity / 2, expecting: .drop) }.min() ?? 0
  }
  // A flood of forged packets costs a hash each, however many jobs there are, unless they have too few ports.
  for (name, slots, ports) in [
    ("1_slot", 1, ReceiveProgram.ports), ("64_slots", 64, ReceiveProgram.ports),
    ("64_slots_1_port", 64, ReceiveProgram.ourPort...ReceiveProgram.ourPort),
  ] {
    report.add("xdp_forged_\(name)", "ns") {
      let program = try ReceiveProgram(slots: slots, ports: ports)
      return try (0..<50).map { _ in try program.runForged(20_000) }.min() ?? 0
    }
  }
  for isDedicated in [false, true] {
    report.add("xdp_echo_\(isDedicated ? "dedicated" : "shared")", "ns") {
      let program = try ReceiveProgram(isDedicated: isDedicated)
      return try (0..<50).map { _ in
        try program.runEcho(20_000, expecting: isDedicated ? .drop : .pass)
      }.min() ?? 0
    }
  }
  report.add("xdp_instructions", "instructions") {
    Double(try ReceiveProgram(slots: 64, reportsAll: true).size().instructions)
  }
  report.add("xdp_verifier_steps", "steps") {
    Double(try ReceiveProgram(slots: 64, reportsAll: true).size().steps)
  }
  report.add("xdp_forged_dedicated", "ns") {
    let program = try ReceiveProgram(isDedicated: true)
    return try (0..<50).map { _ in try program.runForged(20_000, expecting: .drop) }.min() ?? 0
  }
}
