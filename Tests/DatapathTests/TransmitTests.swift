// The transmitters on a real interface. The target node counts the frames.

import Datapath
import Foundation
import Kernel
import Testing
import Wire

/// The stamper of these tests.
let stamper = FrameStamper(
  profile: .smallest, sources: [IPv4Address(ours)], sourceMAC: MACAddress(bytes: ourMAC)!,
  nextHops: [MACAddress(bytes: theirMAC)!])

/// The checksums of RSTs from us.
let resetSums = SourceSums(rstFrom: IPv4Address(ours))

/// Probes to `count` addresses, starting at 198.18.16.0.
func probes(
  _ count: Int, from port: UInt16 = ourPort, key: SipHashKey = referenceKey,
  profile: ProbeProfile = .smallest
) -> [TransmitEntry] {
  let sums = SourceSums(syn: profile, source: IPv4Address(ours))
  return (0..<UInt32(count)).map {
    let hash = Cookie(key: key).hash(
      source: ours, destination: 0xc612_1000 + $0, sourcePort: port, destinationPort: targetPort)
    return TransmitEntry(
      syn: 0xc612_1000 + $0, port: targetPort, source: 0, sourcePort: port, hash: hash, sums: sums)
  }
}

/// Sends `entries` as a sender does, and returns the number of completed frames. Throws after 20 s.
func send(_ entries: [TransmitEntry], through transmitter: any Transmitter, in lab: Lab) throws
  -> FrameCounts
{
  try lab.onScanner {
    guard let processor = transmitter.processor else { return try send(entries, through: transmitter) }
    var completed = FrameCounts()
    try onProcessor(processor) { completed = try send(entries, through: transmitter) }
    return completed
  }
}

/// Does the same from the calling thread.
func send(_ entries: [TransmitEntry], through transmitter: any Transmitter) throws -> FrameCounts {
  var completed = FrameCounts()
  var first = 0
  let ended = try eventually {
    while first < entries.count {
      let last = min(first + transmitter.batch, entries.count)
      let result = try transmitter.submit(entries.span.extracting(first..<last))
      first += result.accepted
      let counts = try transmitter.complete()
      completed.probes += counts.probes
      completed.resets += counts.resets
      if result.accepted == 0 { return false }
    }
    if transmitter.waiting > 0 { _ = try transmitter.submit(entries.span.extracting(0..<0)) }
    let counts = try transmitter.complete()
    completed.probes += counts.probes
    completed.resets += counts.resets
    return transmitter.inFlight == 0
  }
  guard ended else {
    throw Problem(
      description: "\(first) of \(entries.count) accepted, \(transmitter.inFlight) never completed")
  }
  return completed
}

/// The transmitters that work on a veth.
enum Way: String, CaseIterable { case packet, xdpCopy, generator }

private func open(_ way: Way, batch: Int, ringSize: Int = 512) throws -> any Transmitter {
  switch way {
  case .packet:
    try PacketTransmitter(
      interface: try interfaceIndex("scan0"), queue: 0, batch: batch, ringSize: ringSize)
  case .xdpCopy:
    try XDPTransmitter(interface: "scan0", queue: 0, mode: .copy, batch: batch, ringSize: ringSize)
  case .generator:
    try openGenerator(batch: batch)
  }
}

/// Opens a generator on the last usable processor. The thread must be in the scanner's namespace.
func openGenerator(batch: Int, ringSize: Int = 512) throws -> any Transmitter {
  let generator = try Generator(
    interface: try interfaceIndex("scan0"), name: "scan0", receiver: NoReceiver(), rings: 1,
    sources: 1, nextHops: 1)
  return GeneratorTransmitter(
    generator, number: 0, processor: try #require(usableProcessors.last), batch: batch,
    ringSize: ringSize)
}

/// A receiver without a program, so that the generator attaches itself.
struct NoReceiver: Receiver {
  let mode = ReceiveMode.packet
  let reason: String? = nil
  let dedicatedSources: Set<IPv4Address> = []
  let dedicationFault: Fault? = nil
  let acceptsPartialChecksums = false
  let descriptor: Int32 = -1
  func setKey(_ key: SipHashKey?, slot: Int) {}
  func drain(limit: Int, _ body: (Reply) -> Bool) throws(Fault) -> Int { 0 }
  func attach(generator program: Int32) throws(Fault) -> Int32? { nil }
  func fates() throws(Fault) -> FateCounts { FateCounts() }
  func fates(slot: Int) throws(Fault) -> FateCounts { FateCounts() }
}

func silentResponder() throws -> Responder {
  try Responder(
    interface: try interfaceIndex("peer0"), name: "peer0", rule: .share(0), seed: 1,
    closedReset: false)
}

@Suite(.serialized, .timeLimit(.minutes(5))) struct `A transmitter` {
  @Test(arguments: Way.allCases, [1, 64])
  func `sends each of 10,000 SYNs and the RSTs between them once, with correct checksums`(
    way: Way, batch: Int
  ) throws {
    try Lab.with { lab in
      let responder = try lab.onPeer { try silentResponder() }
      let transmitter = try lab.onScanner { try open(way, batch: batch) }
      transmitter.prepare(stamper)
      var entries: [TransmitEntry] = []
      for (number, probe) in probes(10_000).enumerated() {
        entries.append(probe)
        guard number % 7 == 0 else { continue }
        entries.append(
          TransmitEntry(
            rst: probe.destination, port: targetPort, source: 0, sourcePort: ourPort,
            sequenceNumber: UInt32(number), sums: resetSums))
      }
      let completed = try send(entries, through: transmitter, in: lab)
      #expect(completed == FrameCounts(probes: 10_000, resets: 1_429))
      #expect(transmitter.inFlight == 0)
      #expect(transmitter.batch == batch)
      _ = try eventually { try responder.counts()["syns_valid", "rsts_received"] >= 11_429 }
      let counts = try responder.counts()
      #expect(counts["syns_valid"] == 10_000)
      #expect(counts["rsts_received"] == 1_429)
      #expect(counts["syns_invalid", "rsts_invalid"] == 0)
    }
  }

  @Test(arguments: Way.allCases)
  func `can be prepared for another job, with other frames, if nothing is in flight`(way: Way) throws {
    try Lab.with { lab in
      let responder = try lab.onPeer { try silentResponder() }
      let transmitter = try lab.onScanner { try open(way, batch: 64) }
      for profile in ProbeProfile.allCases {
        transmitter.prepare(
          FrameStamper(
            profile: profile, sources: [IPv4Address(ours)], sourceMAC: MACAddress(bytes: ourMAC)!,
            nextHops: [MACAddress(bytes: theirMAC)!]))
        let entries = probes(1_000, profile: profile)
        #expect(try send(entries, through: transmitter, in: lab).probes == 1_000)
      }
      _ = try eventually { try responder.counts()["syns_valid"] >= 4_000 }
      #expect(try responder.counts()["syns_valid"] == 4_000)
      #expect(try responder.counts()["syns_invalid"] == 0)
    }
  }

  @Test(arguments: Way.allCases)
  func `reports an interface that goes down, and what to do`(way: Way) throws {
    try Lab.with { lab in
      // A veth whose peer has no XDP program need not take redirected frames.
      let responder = try lab.onPeer { try silentResponder() }
      let transmitter = try lab.onScanner { try open(way, batch: 1) }
      transmitter.prepare(stamper)
      #expect(try send(probes(10), through: transmitter, in: lab).probes == 10)
      #expect(try responder.counts()["syns_invalid"] == 0)
      try lab.shell("ip -n \(lab.scanner) link set scan0 down")
      let fault = try #require(throws: Fault.self) {
        try send(probes(10), through: transmitter, in: lab)
      }
      #expect(fault.cause?.symbol == "ENETDOWN")
      #expect(fault.description.contains("The interface is down"))
    }
  }

  @Test(arguments: [Way.packet, .xdpCopy])
  func `reserves a quarter of its frames for RSTs`(way: Way) throws {
    try Lab.with { lab in
      let transmitter = try lab.onScanner { try open(way, batch: 64, ringSize: 64) }
      transmitter.prepare(stamper)
      // Frames are reclaimed only by `complete`.
      #expect(try transmitter.submit(probes(64).span).accepted == 48)
      #expect(try transmitter.submit(probes(64).span).accepted == 0)
      let reset = TransmitEntry(
        rst: target, port: targetPort, source: 0, sourcePort: ourPort, sequenceNumber: 1,
        sums: resetSums)
      #expect(try transmitter.submit([TransmitEntry](repeating: reset, count: 64).span).accepted == 16)
      #expect(transmitter.inFlight == 64)
      var completed = FrameCounts()
      let ended = try eventually {
        let counts = try transmitter.complete()
        completed.probes += counts.probes
        completed.resets += counts.resets
        return transmitter.inFlight == 0
      }
      #expect(ended && completed == FrameCounts(probes: 48, resets: 16))
    }
  }
}

@Suite(.serialized, .timeLimit(.minutes(5))) struct `AF_XDP` {
  @Test func `in zero-copy mode on a veth is refused, and the message names zero-copy`() throws {
    try Lab.with { lab in
      let fault = try #require(throws: Fault.self) {
        try lab.onScanner {
          _ = try XDPTransmitter(interface: "scan0", queue: 0, mode: .zeroCopy, batch: 64)
        }
      }
      #expect(fault.description.contains("zero-copy"))
      #expect(fault.description.contains("--transmit xdp-copy"))
    }
  }

  @Test func `has a socket on each queue, and none on a queue that does not exist`() throws {
    try Lab.with { lab in
      let responder = try lab.onPeer { try silentResponder() }
      for queue in [0, 1] as [UInt32] {
        let transmitter = try lab.onScanner {
          try XDPTransmitter(interface: "scan0", queue: queue, mode: .copy, batch: 64)
        }
        #expect(transmitter.queue == queue && transmitter.mode == .xdpCopy)
        transmitter.prepare(stamper)
        #expect(try send(probes(500), through: transmitter).probes == 500)
      }
      _ = try eventually { try responder.counts()["syns_valid"] >= 1_000 }
      #expect(try responder.counts()["syns_valid"] == 1_000)
      let fault = try #require(throws: Fault.self) {
        try lab.onScanner {
          _ = try XDPTransmitter(interface: "scan0", queue: 7, mode: .copy, batch: 64)
        }
      }
      #expect(fault.description.contains("queue 7 of scan0"))
    }
  }

  /// Linux 6.17 brought XDP_MAX_TX_SKB_BUDGET. Before it, a wake-up in copy mode sends 32 frames.
  @Test func `in copy mode sends a whole batch by one call, if the kernel can`() throws {
    let linux = ProcessInfo.processInfo.operatingSystemVersion
    let canSendMany = (linux.majorVersion, linux.minorVersion) >= (6, 17)
    try Lab.with { lab in
      let responder = try lab.onPeer { try silentResponder() }
      let transmitter = try lab.onScanner {
        try XDPTransmitter(interface: "scan0", queue: 0, mode: .copy, batch: nil)
      }
      #expect(transmitter.batch == (canSendMany ? 512 : 64))
      transmitter.prepare(stamper)
      let entries = probes(transmitter.batch)
      #expect(try transmitter.submit(entries.span).accepted == entries.count)
      #expect(transmitter.hasUnsent == !canSendMany)
      let completed = try eventually { try transmitter.complete(sending: true).probes > 0 }
      #expect(completed)
      _ = try eventually {
        _ = try transmitter.complete(sending: true)
        return try responder.counts()["syns_valid"] >= UInt64(entries.count)
      }
      #expect(try responder.counts()["syns_valid"] == UInt64(entries.count))
      #expect(try responder.counts()["syns_invalid"] == 0)
    }
  }

  @Test func `on an interface that is down sends nothing and reports why`() throws {
    try Lab.with { lab in
      try lab.shell("ip -n \(lab.scanner) link set scan0 down")
      // Binding in copy mode is allowed; sending is not.
      let transmitter = try lab.onScanner {
        try XDPTransmitter(interface: "scan0", queue: 0, mode: .copy, batch: 64)
      }
      transmitter.prepare(stamper)
      let fault = try #require(throws: Fault.self) { try transmitter.submit(probes(1).span) }
      #expect(fault.description.contains("The interface is down"))
    }
  }
}

extension ResponderCounts {
  /// The sum of these counters.
  subscript(names: String...) -> UInt64 {
    zip(Self.names, values).reduce(0) { names.contains($1.0) ? $0 + $1.1 : $0 }
  }
}
