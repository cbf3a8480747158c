// `benchmark allocations`: counts the heap allocations of a scan's loops in their steady state.
import ArgumentParser
import CBenchmark
import Datapath
import Kernel
import LabSupport
import NIC
import Plan
import Scan
import Synchronization
import Wire

struct AllocationsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "allocations",
    abstract: "Count the heap allocations of the loops that send and receive. Needs root.")

  @Flag(help: "Print JSON, like `benchmark micro`.")
  var json = false

  private static let iterations = 2_000

  func run() throws {
    let lab = try Lab()
    let node = try lab.respond(["--answer", "all"])
    let link = try Link(lab)
    try checkCounter()
    var report = Report()
    report.add("fill", "allocations") { try countFilling() }
    report.add("packet_send", "allocations") {
      try countSending(PacketTransmitter(interface: link.interface.index, queue: 0, batch: 64), link)
    }
    report.add("xdp_copy_send", "allocations") {
      try countSending(
        XDPTransmitter(interface: link.interface.name, queue: 0, mode: .copy, batch: 64), link)
    }
    report.add("generator_send", "allocations") { try countGenerating(link) }
    for mode in [ReceiveMode.xdpNative, .packet] {
      report.add("\(mode.rawValue.replacing("-", with: "_"))_receive", "allocations") {
        try countReceiving(mode, link)
      }
    }
    _ = try node.end()
    print(json ? report.json : report.text)
  }

  /// Returns the allocations of 2,000 iterations, after as many to warm up.
  private func count(_ iteration: () throws -> Void) throws -> Double {
    for _ in 0..<Self.iterations { try iteration() }
    let before = cbenchmark_allocations()
    for _ in 0..<Self.iterations { try iteration() }
    return Double(cbenchmark_allocations() - before)
  }

  /// Throws if the counter misses allocations, because it would then always report zero.
  private func checkCounter() throws {
    let before = cbenchmark_allocations()
    consume(UInt64([UInt8](repeating: 1, count: 1 << 16).span.count))
    let object = Mutex<[AnyHashable]>([Self.iterations])
    consume(UInt64(object.withLock { $0.count }))
    guard cbenchmark_allocations() > before else {
      throw Fault("the allocation counter does not count")
    }
  }

  private func countGenerating(_ link: Link) throws -> Double {
    let receiver = try openReceiver(link.receiving(generator: true), mode: .xdpNative)
    let processor = usableProcessors.last ?? 0
    let generator = try Generator(
      interface: link.interface.index, name: link.interface.name, receiver: receiver, rings: 1,
      sources: 1, nextHops: 1)
    let transmitter = GeneratorTransmitter(generator, number: 0, processor: processor, batch: 64)
    var allocations = 0.0
    try onProcessor(processor) { allocations = try countSending(transmitter, link) }
    return allocations
  }

  private func countSending(_ transmitter: any Transmitter, _ link: Link) throws -> Double {
    transmitter.prepare(link.stamper)
    var entries = link.probes(64)
    // Every other batch has an RST, so that frames change their kind.
    entries[7] = TransmitEntry(
      rst: 0xc613_0001, port: 80, source: 0, sourcePort: 40_000, sequenceNumber: 1,
      sums: SourceSums(rstFrom: Link.source))
    var first = 0
    return try count {
      first = first == 0 ? 8 : 0
      _ = try transmitter.submit(entries.span.extracting(first..<entries.count))
      _ = try transmitter.complete()
    }
  }

  /// In each iteration, sends probes to open targets and receives the replies.
  private func countReceiving(_ mode: ReceiveMode, _ link: Link) throws -> Double {
    let receiver = try openReceiver(link.receiving(), mode: mode)
    let key = SipHashKey.random()
    receiver.setKey(key)
    let transmitter = try PacketTransmitter(interface: link.interface.index, queue: 0, batch: 64)
    transmitter.prepare(link.stamper)
    let entries = link.probes(64, key: key)
    var replies = 0
    let allocations = try count {
      _ = try transmitter.submit(entries.span)
      _ = try transmitter.complete()
      _ = try receiver.drain(limit: .max) { reply in
        replies += reply.kind == .open ? 1 : 0
        return true
      }
    }
    guard replies > Self.iterations else { throw Fault("only \(replies) replies arrived") }
    return allocations
  }

  private func countFilling() throws -> Double {
    let file = try TargetFile.parse(Array("16.0.0.0/8:80,443,8000-8010".utf8), name: "benchmark")
    let plan = try TargetPlan([file], defaultPorts: nil, scope: Scope())
    let sequence = ProbeSequence(plan: plan, seed: Seed(7))
    let selection = SourceSelection(
      addresses: 64, ports: 32768...61000, key: SipHashKey(k0: 1, k1: 2))
    var cursor = sequence.cursor()
    var probes = [Probe](repeating: sequence[0], count: 64)
    return try count {
      var span = probes.mutableSpan
      for index in 0..<cursor.next(into: &span) {
        let probe = span[index]
        let (source, port) = selection.choose(
          destination: probe.address.value, port: probe.port.value, pass: 0)
        consume(UInt64(source) ^ UInt64(port))
      }
    }
  }
}
