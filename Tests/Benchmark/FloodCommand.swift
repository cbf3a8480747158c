// `benchmark flood`: the upper limit that transmitters are compared with.
import ArgumentParser
import Datapath
import Kernel
import NIC
import Wire

func parsedMAC(_ text: String) throws -> MACAddress {
  guard let address = MACAddress(text) else {
    throw ValidationError("found \(text), expected an Ethernet address")
  }
  return address
}

/// Sends one constant SYN repeatedly through the generator's kernel path.
struct FloodCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "flood",
    abstract: "Send a constant frame through the generator's kernel path, as fast as possible.",
    discussion: "Use it only in a network namespace without a connection to any other network.")

  @Option(help: "Interface to send from; its driver must support native XDP.")
  var interface: String

  @Option(
    help: "Ethernet address to send to.", transform: parsedMAC)
  var gatewayMac: MACAddress

  @Option(help: "Frames to send.")
  var count: Int

  @Option(help: "Frames per system call, at most 4096.")
  var batch = 4096

  @Option(help: "Microseconds from one call to the next; 0 is as fast as possible.")
  var interval: UInt64 = 0

  @Flag(help: "Send 4096 different probes repeatedly instead of the constant frame.")
  var probes = false

  @Flag(
    inversion: .prefixedNo,
    help: "With --probes: keep a neighbour on a virtual link from cutting frames short.")
  var restoreLengths = true

  func run() throws {
    let state = try NetworkControl().state(of: interface)
    try state.requireCarrier()
    let source = state.addresses.first?.address ?? IPv4Address(198, 18, 0, 1)
    let stamper = FrameStamper(
      profile: .smallest, sources: [source], sourceMAC: state.mac, nextHops: [gatewayMac])
    let sums = SourceSums(syn: .smallest, source: source)
    let entry = TransmitEntry(
      syn: 0xc613_0002, port: 80, source: 0, sourcePort: 60_000, hash: 1, sums: sums)
    let frame = Self.frame(entry, stamper)
    let ports: ClosedRange<UInt16> = 60_000...60_000
    let receiver = try openReceiver(
      ReceiveSettings(
        interface: state.index, interfaceName: interface, sources: [source], localSources: [],
        ports: ports, wantsResets: false, reportClosed: false, reportICMP: false, generator: true),
      mode: .xdpNative)
    let processor = usableProcessors.last ?? 0
    let send: () throws -> Void
    if probes {
      let transmitter = GeneratorTransmitter(
        try Generator(
          interface: state.index, name: interface, receiver: receiver, rings: 1, sources: 1,
          nextHops: 1, restoresLengths: restoreLengths), number: 0, processor: processor, batch: 4096)
      transmitter.prepare(stamper)
      send = { try self.send(Self.probes(sums), through: transmitter) }
    } else {
      let flood = try Flood(
        interface: state.index, name: interface, receiver: receiver, processor: processor)
      send = { try flood.send(frame, count: count, batch: batch, interval: interval * 1000) }
    }
    var started: UInt64 = 0
    var ended: UInt64 = 0
    let before = ResourceUsage.current
    // The generator is bound to this processor.
    try onProcessor(processor) {
      started = Clock.monotonic
      try send()
      ended = Clock.monotonic
    }
    let used = ResourceUsage.current.seconds - before.seconds
    print(
      "{\"frames\": \(count), \"seconds\": \(Double(ended - started) / 1e9), "
        + "\"processor_seconds\": \(used)}")
  }

  private static func probes(_ sums: SourceSums) -> [TransmitEntry] {
    (0..<4096).map { number in
      TransmitEntry(
        syn: 0x6000_0000 &+ UInt32(number) &* 7919, port: 80, source: 0, sourcePort: 60_000,
        hash: UInt64(number) &* 0x9e37_79b9_7f4a_7c15, sums: sums)
    }
  }

  private func send(_ entries: [TransmitEntry], through transmitter: GeneratorTransmitter) throws {
    var remaining = count
    var due = Clock.monotonic
    while remaining > 0 {
      let number = min(batch, entries.count) - transmitter.waiting
      _ = try transmitter.submit(entries.span.extracting(0..<number), more: false)
      remaining -= Int(try transmitter.complete().probes)
      due += interval * 1000
      if interval > 0 { Clock.sleep(untilMonotonic: due) }
    }
  }

  private static func frame(_ entry: TransmitEntry, _ stamper: FrameStamper) -> [UInt8] {
    var frame = [UInt8](repeating: 0, count: stamper.frameLength)
    var span = frame.mutableSpan
    var bytes = unsafe span.mutableBytes
    stamper.prefill(&bytes, for: entry.kind)
    stamper.stamp(entry, into: &bytes)
    return frame
  }
}
