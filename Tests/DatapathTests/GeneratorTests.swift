// The in-kernel generator: the frames it builds, and what happens to those that the driver refuses.

import Glibc
import Kernel
import TestSupport
import Testing
import Wire

@testable import Datapath

/// Returns the program's frame for each entry, one run at a time, without an interface.
private func framesBuilt(of entries: [TransmitEntry], by stamper: FrameStamper) throws -> [[UInt8]] {
  let kernel = try ProbeGenerator(
    interface: 1, rings: 1, sources: stamper.sourceCount,
    nextHops: stamper.nextHops.count)
  let generator = Generator(unattached: kernel)
  let processor = try #require(usableProcessors.last)
  var frames: [[UInt8]] = []
  try onProcessor(processor) {
    var ring = GeneratorRing(kernel, number: 0, processor: processor, entry: kernel.program)
    generator.prepare(stamper)
    for entry in entries {
      // Nothing settles these frames, so tell the ring.
      ring.append([entry].span)
      let blank = [UInt8](repeating: 0xa5, count: stamper.frameLength)
      let run = try BPFProgramRun(program: kernel.program, frame: blank)
      #expect(run.verdict == .redirect)
      frames.append(run.output)
      ring.forgetUnsettled()
    }
  }
  return frames
}

/// Returns user space's frame for an entry.
private func stamped(_ entry: TransmitEntry, by stamper: FrameStamper) -> [UInt8] {
  var frame = [UInt8](repeating: 0, count: FrameLayout.maximumLength)
  var span = frame.mutableSpan
  var bytes = unsafe span.mutableBytes
  stamper.prefill(&bytes, for: entry.kind)
  let length = stamper.stamp(entry, into: &bytes)
  return Array(frame.prefix(length))
}

@Suite(.serialized, .timeLimit(.minutes(5))) struct `The generator's program` {
  @Test(arguments: ProbeProfile.allCases)
  func `writes the same bytes as user space`(profile: ProbeProfile) throws {
    try requireRoot()
    let seed = Seed.next()
    var random = SeededGenerator(seed)
    let sources = (0..<5).map { IPv4Address(ours + $0) }
    let stamper = FrameStamper(
      profile: profile, sources: sources,
      sourceMAC: MACAddress(bytes: ourMAC)!,
      nextHops: [MACAddress(bytes: theirMAC)!, MACAddress(bytes: [2, 9, 8, 7, 6, 5])!])
    let entries = (0..<300).map { number in
      let (address, port) = (
        UInt32.random(in: 0 ... .max, using: &random), UInt16(truncatingIfNeeded: number &* 271)
      )
      let (source, hop) = (UInt16(number % 5), UInt32(number % 2))
      return number % 3 == 2
        ? TransmitEntry(
          rst: address, port: port, source: source, sourcePort: ourPort,
          sequenceNumber: UInt32.random(in: 0 ... .max, using: &random), nextHop: hop,
          sums: SourceSums(rstFrom: sources[Int(source)]))
        : TransmitEntry(
          syn: address, port: port, source: source, sourcePort: ourPort, hash: random.next(),
          nextHop: hop, sums: SourceSums(syn: profile, source: sources[Int(source)]))
    }
    let made = try framesBuilt(of: entries, by: stamper)
    for (entry, frame) in zip(entries, made) {
      #expect(hex(frame) == hex(stamped(entry, by: stamper)), "seed \(seed)")
    }
  }

  @Test func `drops a frame for which there is no entry`() throws {
    try requireRoot()
    let kernel = try ProbeGenerator(interface: 1, rings: 1, sources: 1, nextHops: 1)
    let run = try BPFProgramRun(program: kernel.program, frame: [UInt8](repeating: 1, count: 60))
    #expect(run.verdict == .drop)
    #expect(run.output == [UInt8](repeating: 1, count: 60))
  }
}

@Suite(.serialized, .timeLimit(.minutes(5))) struct `The generator` {
  @Test func `retries every probe and RST that the driver refuses until the driver takes it`() throws {
    try Lab.with { lab in
      // The peer polls in a thread of its own on the sender's processor. While the sender runs, and that thread cannot
      // interrupt it, nothing empties the veth's ring of 256 frames.
      try lab.shell("ip netns exec \(lab.peer) sh -c 'echo 1 > /sys/class/net/peer0/threaded'")
      let responder = try lab.onPeer { try silentResponder() }
      let processor = try #require(usableProcessors.last)
      try lab.shell(
        """
        for stat in /proc/[0-9]*/stat; do
          read -r pid name rest < $stat 2>/dev/null || continue
          case $name in "(napi/peer0-"*) taskset -cp \(processor) $pid ;; esac
        done >/dev/null
        """)
      let transmitter = try lab.onScanner { try openGenerator(batch: 2048) }
      transmitter.prepare(stamper)
      var entries = probes(60_000)
      for number in stride(from: 0, to: 60_000, by: 10) {
        entries[number] = TransmitEntry(
          rst: entries[number].destination, port: targetPort, source: 0, sourcePort: ourPort,
          sequenceNumber: UInt32(number), sums: resetSums)
      }
      let outcome = try lab.onScanner { [entries] in
        try sendCountingRefusals(entries, through: transmitter)
      }
      #expect(outcome.refused.probes > 0 && outcome.refused.resets > 0, "the ring did not overflow")
      #expect(outcome.completed == FrameCounts(probes: 54_000, resets: 6_000))
      _ = try eventually {
        try responder.counts()["syns_valid", "rsts_received"] >= 60_000
      }
      #expect(try responder.counts()["syns_valid"] == 54_000)
      #expect(try responder.counts()["rsts_received"] == 6_000)
    }
  }

  @Test func `is rejected when it is verified if the peer does not take redirected frames`() throws {
    try Lab.with { lab in
      try lab.shell("ip netns exec \(lab.peer) ethtool -K peer0 gro off")
      let fault = try #require(throws: Fault.self) { try lab.onScanner { try verifyGenerator() } }
      #expect(fault.description.contains("does not take redirected frames"))
      #expect(fault.description.contains("GRO"))
      #expect(fault.cause?.symbol == "EOPNOTSUPP")
      try lab.shell("ip netns exec \(lab.peer) ethtool -K peer0 gro on")
      try lab.onScanner { try verifyGenerator() }
    }
  }

  @Test func `runs only on its own processor`() throws {
    try Lab.with { lab in
      let processors = usableProcessors
      try #require(processors.count > 1, "this test needs two processors")
      let fault = try #require(throws: Fault.self) {
        try lab.onScanner {
          let transmitter = try openGenerator(batch: 64)
          transmitter.prepare(stamper)
          try onProcessor(processors[0]) { _ = try transmitter.submit(probes(1).span) }
        }
      }
      #expect(fault.description.contains("moved the sending thread off processor"))
    }
  }
}

@Suite(.serialized, .timeLimit(.minutes(5)))
struct `A neighbour on a virtual link that shortens frames and returns them` {
  /// Sends 20,000 probes, each call of the kernel using pages of the calls' earlier frames again, and returns how many
  /// arrived whole and how many did not.
  private static func send(restoringLengths: Bool) throws -> (whole: UInt64, short: UInt64) {
    var counts: (UInt64, UInt64) = (0, 0)
    try Lab.with { lab in
      let neighbour = try lab.onPeer { try Shortener() }
      let (receiver, transmitter) = try lab.onScanner {
        var settings = ReceiveSettings(
          interface: try interfaceIndex("scan0"), interfaceName: "scan0", sources: [IPv4Address(ours)],
          localSources: [], ports: ourPorts, wantsResets: false, reportClosed: false, reportICMP: false,
          generator: true)
        // What the receive program drops goes back to the generator's pages.
        settings.dedicatedSources = [IPv4Address(ours)]
        let receiver = try openReceiver(settings, mode: .xdpNative)
        let generator = try Generator(
          interface: settings.interface, name: "scan0", receiver: receiver, rings: 1, sources: 1,
          nextHops: 1, restoresLengths: restoringLengths)
        let transmitter = GeneratorTransmitter(
          generator, number: 0, processor: try #require(usableProcessors.last), batch: 4096)
        return (receiver, transmitter)
      }
      defer { withExtendedLifetime(receiver) {} }
      transmitter.prepare(stamper)
      _ = try DatapathTests.send(probes(20_000), through: transmitter, in: lab)
      _ = try eventually { try neighbour.counts["packets_received"] >= 20_000 }
      counts = (try neighbour.counts["syns_valid"], try neighbour.counts["syns_invalid"])
    }
    return counts
  }

  @Test func `gets every later frame whole`() throws {
    let (whole, short) = try Self.send(restoringLengths: true)
    #expect(whole == 20_000 && short == 0)
  }

  /// Otherwise the test above would show nothing.
  @Test func `would get some cut off if the kernel's records of lengths were not renewed`() throws {
    #expect(try Self.send(restoringLengths: false).short > 100)
  }

  /// The program `shorten` of bpf/responder.bpf.c, attached to the peer.
  private final class Shortener: Sendable {
    private let object: BPFObject
    private let link: XDPLink

    init() throws {
      let object = try BPFObject(.responder)
      try object.setAutoload("responder", false)
      try object.setAutoload("shorten", true)
      try object.load()
      link = try XDPLink(
        program: try object.program("shorten"), interface: try interfaceIndex("peer0"), mode: .native)
      self.object = object
    }

    var counts: ResponderCounts {
      get throws {
        ResponderCounts(values: try object.map("RESPONDER_STATS").perCPUSums())
      }
    }
  }
}

private func verifyGenerator() throws {
  let generator = try Generator(
    interface: try interfaceIndex("scan0"), name: "scan0", receiver: NoReceiver(), rings: 1,
    sources: 1, nextHops: 1)
  let processor = try #require(usableProcessors.last)
  try onProcessor(processor) {
    try generator.verify(mac: MACAddress(bytes: ourMAC)!, processor: processor)
  }
}

/// Sends all entries, and refused ones again, for at most 60 s, in a thread that no ordinary one interrupts.
private func sendCountingRefusals(_ entries: [TransmitEntry], through transmitter: any Transmitter)
  throws -> (completed: FrameCounts, refused: FrameCounts)
{
  var (completed, refused) = (FrameCounts(), FrameCounts())
  try onProcessor(transmitter.processor) {
    try runUninterrupted()
    var first = 0
    _ = try eventually(within: 60) {
      let last = min(first + transmitter.batch, entries.count)
      let result = try transmitter.submit(entries.span.extracting(first..<last))
      first += result.accepted
      refused.probes += result.refused.probes
      refused.resets += result.refused.resets
      let counts = try transmitter.complete()
      completed.probes += counts.probes
      completed.resets += counts.resets
      return first == entries.count && transmitter.inFlight == 0
    }
  }
  return (completed, refused)
}

/// Gives the calling thread a real-time priority (sched(7)) for the rest of its life.
private func runUninterrupted() throws {
  var priority = sched_param(sched_priority: 1)
  guard unsafe sched_setscheduler(0, SCHED_FIFO, &priority) == 0 else {
    throw Problem(description: "the thread cannot get a real-time priority: errno \(errno)")
  }
}
