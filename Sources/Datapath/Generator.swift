// The in-kernel generator of one interface: loaded, attached, and verified before anything relies on it.
import Kernel
import Wire

/// What all generator transmitters of an interface share.
public final class Generator: Sendable {
  let program: ProbeGenerator
  /// The program that BPF_PROG_TEST_RUN runs.
  let entry: Int32
  /// nil if a receive program is attached.
  private let link: XDPLink?
  private let interfaceName: String

  /// Loads the generator's programs and makes them callable through a program attached to the interface.
  ///
  /// For each test run of an unattached program the kernel adds the program to its XDP dispatcher and removes it
  /// again, waiting for RCU each time (kernel/bpf/dispatcher.c counts users). So either the attached receive program
  /// calls the generator, or the generator itself is attached.
  ///
  /// - Parameters:
  ///   - restoresLengths: keeps a neighbour on a virtual link from cutting later frames short.
  ///   - floods: loads the program that `Flood` runs.
  /// - Throws: a `Fault` that names what the kernel or the NIC lacks.
  public init(
    interface: Int32, name: String, receiver: any Receiver, rings: Int,
    sources: Int, nextHops: Int, restoresLengths: Bool = false, floods: Bool = false
  ) throws(Fault) {
    program = try ProbeGenerator(
      interface: interface, rings: rings, sources: sources, nextHops: nextHops,
      restoresLengths: restoresLengths, floods: floods)
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

  /// Makes a generator that is attached to nothing. Slow; for tests of the frames it builds.
  init(unattached program: ProbeGenerator) {
    self.program = program
    entry = program.program
    link = nil
    interfaceName = "no interface"
  }

  /// Verifies that the NIC takes redirected frames, by sending one from the calling thread. The frame is addressed to
  /// the interface itself, so no switch forwards it.
  ///
  /// The thread must run on `processor`. Call this before `prepare` of any transmitter.
  ///
  /// - Throws: a `Fault` if the driver refuses the frame 20 times or the kernel cannot run the generator.
  public func verify(mac: MACAddress, processor: Int) throws(Fault) {
    var ring = GeneratorRing(program, number: 0, processor: processor, entry: entry)
    // The EtherType of the obsolete Ethernet Configuration Testing Protocol, which receivers ignore.
    let frame = mac.bytes + mac.bytes + [0x90, 0x00]
    program.setTemplate(0, frame: frame)
    let entries = [TransmitEntry.empty]
    ring.append(entries.span)
    var refusal: Errno?
    // Retry, because the NIC's queue may be full of other traffic at this moment.
    for _ in 0..<20 {
      do throws(Errno) {
        if try ring.run(limit: 1, frameLength: FrameLayout.minimumLength).sent.total == 1 { return }
        refusal = ring.refusal
      } catch {
        throw Fault(
          "the in-kernel generator does not run on \(interfaceName)", cause: error,
          remedy: Self.remedy(error, interfaceName))
      }
      Clock.sleep(untilMonotonic: Clock.monotonic + 1_000_000)
    }
    throw Fault(
      "the driver of \(interfaceName) refused 20 redirected frames in a row", cause: refusal,
      remedy: "Use --transmit xdp-copy or packet")
  }

  private static func remedy(_ cause: Errno, _ interface: String) -> String? {
    switch cause {
    case .invalidArgument: "Live frames need Linux 5.18 or newer; use --transmit xdp-copy or packet"
    case .notSupported:
      "Its driver does not take redirected frames (ndo_xdp_xmit); a veth does if its peer has GRO enabled or an "
        + "XDP program. Use --transmit xdp-copy or packet"
    case .networkDown: "The interface is down; run `ip link set \(interface) up`"
    case .notPermitted: "A seccomp filter or a security module denies bpf(BPF_PROG_TEST_RUN)"
    default: nil
    }
  }

  /// Sets all templates and next hops for a job. Nothing may be in flight on any of the interface's queues.
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
    program.setTemplate(index, frame: frame)
  }
}
