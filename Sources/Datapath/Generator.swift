// The in-kernel generator of one interface: opened, attached, and tried out before anything relies on it.
import Kernel
import Wire

/// What all generator queues of an interface share.
public final class Generator: Sendable {
  let program: ProbeGenerator
  /// What BPF_PROG_TEST_RUN is asked to run.
  let entry: Int32
  /// Only where no receive program is attached.
  private let link: XDPLink?
  private let interfaceName: String

  /// Loads the programs and joins them with what is attached to the interface.
  ///
  /// With `floods` it is what `Flood` needs.
  ///
  /// The kernel puts a program that it test-runs into its XDP dispatcher and takes it out again, and each
  /// time waits for RCU, about 24 ms; unless the program is attached somewhere (kernel/bpf/dispatcher.c
  /// counts). Hence the receive program is the one that runs, or else this one is attached.
  /// - Throws: a fault that names what the kernel lacks, or the NIC.
  public init(
    interface: Int32, name: String, receiver: any Receiver, rings: Int,
    sources: Int, nextHops: Int, floods: Bool = false
  ) throws(Fault) {
    program = try ProbeGenerator(
      interface: interface, rings: rings, sources: sources, nextHops: nextHops,
      floods: floods)
    interfaceName = name
    if let attached = try receiver.attach(generator: program.program) {
      entry = attached
      link = nil
      return
    }
    entry = program.program
    do throws(Errno) {
      link = try XDPLink(program: program.program, interface: interface, mode: .native)
    } catch {
      throw Fault(
        "cannot attach the generator to \(name) in native mode", cause: error,
        remedy: "The generator needs a driver with native XDP; use --transmit packet")
    }
  }

  /// One that is run by itself and attached to nothing: slow, for tests of what it makes.
  init(unattached program: ProbeGenerator) {
    self.program = program
    entry = program.program
    link = nil
    interfaceName = "no interface"
  }

  /// Sends one frame from this thread and hears what became of it, so that a NIC which takes no redirected
  /// frames is found out now. It is addressed to the interface itself: no switch passes it on.
  ///
  /// The thread must run on `processor`. Call it before `prepare` of any transmitter.
  public func tryOut(mac: MACAddress, processor: Int) throws(Fault) {
    var ring = GeneratorRing(program, number: 0, processor: processor, entry: entry)
    // Ethernet's configuration testing protocol, which nobody speaks any more; the rest is never read.
    let frame = mac.bytes + mac.bytes + [0x90, 0x00]
    program.setTemplate(0, frame: frame)
    let entries = [TransmitEntry(syn: 0, port: 0, source: 0, sourcePort: 0)]
    ring.append(entries.span)
    var refusal: Errno?
    // A ring that is full at this moment, of other traffic, is not a NIC that cannot.
    for _ in 0..<20 {
      do throws(Errno) {
        if try ring.run(limit: 1, frameLength: FrameLayout.minimumLength).sent.total == 1 { return }
        refusal = ring.refusal
      } catch {
        throw Fault(
          "the in-kernel generator does not run on \(interfaceName)", cause: error,
          remedy: Self.remedy(error))
      }
      Clock.sleep(untilMonotonic: Clock.monotonic + 1_000_000)
    }
    throw Fault(
      "the driver of \(interfaceName) refused 20 redirected frames one after the other", cause: refusal,
      remedy: "Use --transmit xdp-copy or packet")
  }

  private static func remedy(_ cause: Errno) -> String? {
    switch cause.number {
    case 22: "Live frames need Linux 5.18 or newer; use --transmit xdp-copy or packet"
    case 95:
      "Its driver takes no redirected frames (ndo_xdp_xmit); a veth does when its peer has GRO on or an "
        + "XDP program. Use --transmit xdp-copy or packet"
    case 100: "The interface is down; `ip link set … up`"
    case 1: "A seccomp filter or a security module forbids bpf(BPF_PROG_TEST_RUN)"
    default: nil
    }
  }

  /// Sets all templates and next hops for a job. Nothing may be in flight on any queue.
  func prepare(_ stamper: FrameStamper) {
    for source in 0..<stamper.sourceCount {
      set(stamper.template(of: .syn, source: source), stamper.nextHops[0], at: 2 * source)
      set(stamper.template(of: .rst, source: source), stamper.nextHops[0], at: 2 * source + 1)
    }
    for (number, word) in stamper.nextHops.enumerated() { program.setNextHop(number, word) }
  }

  private func set(_ template: [UInt8], _ gateway: UInt64, at index: Int) {
    var frame = template
    for byte in 0..<8 { frame[byte] = UInt8(truncatingIfNeeded: gateway >> (8 * byte)) }
    let length = Int(frame[FrameLayout.ipv4 + 2]) << 8 | Int(frame[FrameLayout.ipv4 + 3])
    let end = FrameLayout.ipv4 + length
    var ipv4 = InternetChecksum()
    ipv4.add(frame[FrameLayout.ipv4..<FrameLayout.tcp])
    var tcp = InternetChecksum.tcpPseudoHeader(length: end - FrameLayout.tcp)
    tcp.add(frame[FrameLayout.source..<FrameLayout.source + 4])
    tcp.add(frame[FrameLayout.tcp..<end])
    // Not complemented: the program adds what changes.
    for (offset, sum) in [(FrameLayout.ipv4Checksum, ipv4), (FrameLayout.tcpChecksum, tcp)] {
      frame[offset] = UInt8(sum.folded >> 8)
      frame[offset + 1] = UInt8(truncatingIfNeeded: sum.folded)
    }
    program.setTemplate(index, frame: frame)
  }
}
