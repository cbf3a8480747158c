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
    _ reset: ResetMethod, slots: Int = 1, ports: ClosedRange<UInt16> = ports, isDedicated: Bool = false
  ) throws {
    let object = try BPFObject(.receive)
    try object.setReadOnlyData(
      Contract.settings(
        ports: ports, slots: slots, reset: reset, reportClosed: false, reportICMP: false))
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

/// Without an RST the program leaves the packet unchanged, so the kernel can repeat it until the ring is full. An RST in
/// place changes it, so that is measured as the difference between single runs with and without. All figures include the
/// overhead of the kernel's loop; `xdp_not_ipv4` is its upper bound.
func measureReceiving(_ report: inout Report) {
  report.add("xdp_not_ipv4", "ns") {
    let program = try ReceiveProgram(.none)
    return try (0..<50).map { _ in try program.runOther(20_000) }.min() ?? 0
  }
  report.add("xdp_syn_ack", "ns") {
    let program = try ReceiveProgram(.none)
    return try (0..<50).map { _ in try program.run(program.capacity / 2, expecting: .drop) }.min() ?? 0
  }
  // A flood of forged packets costs a hash each, however many jobs there are, unless they have too few ports.
  for (name, slots, ports) in [
    ("1_slot", 1, ReceiveProgram.ports), ("64_slots", 64, ReceiveProgram.ports),
    ("64_slots_1_port", 64, ReceiveProgram.ourPort...ReceiveProgram.ourPort),
  ] {
    report.add("xdp_forged_\(name)", "ns") {
      let program = try ReceiveProgram(.none, slots: slots, ports: ports)
      return try (0..<50).map { _ in try program.runForged(20_000) }.min() ?? 0
    }
  }
  report.add("xdp_forged_dedicated", "ns") {
    let program = try ReceiveProgram(.none, isDedicated: true)
    return try (0..<50).map { _ in try program.runForged(20_000, expecting: .drop) }.min() ?? 0
  }
  report.add("xdp_rst_in_place", "ns") {
    // Accurate to ten nanoseconds, because single runs depend on where the maps are in memory.
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

/// Returns the average of the faster half, because some runs are interrupted, and each is measured in whole
/// nanoseconds.
private func undisturbed(_ values: [Double]) -> Double {
  let half = values.sorted().prefix(values.count / 2)
  return half.reduce(0, +) / Double(half.count)
}
