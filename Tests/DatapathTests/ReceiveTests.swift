// The receivers on a real interface, with the target node at its other end.

import Kernel
import Testing
import Wire

@testable import Datapath

private func settings(slots: Int = 1) throws -> ReceiveSettings {
  ReceiveSettings(
    interface: try interfaceIndex("scan0"), interfaceName: "scan0", sources: [IPv4Address(ours)],
    localSources: [], ports: ourPorts, slots: slots, wantsResets: true, reportClosed: true,
    reportICMP: true)
}

/// XDP_TX of a native program reaches a veth only if that polls, as it does with native XDP.
private func responderMode(_ mode: ReceiveMode) -> XDPMode { mode == .xdpNative ? .native : .generic }

/// Sends probes in batches small enough that no ring overflows, and returns the replies. Leaves every third reply in
/// the receiver at first, as a scan does if its queue of RSTs is full.
private func scan(
  _ entries: [TransmitEntry], through transmitter: any Transmitter, _ receiver: any Receiver
) throws -> [Reply] {
  var replies: [Reply] = []
  var offered = 0
  for start in stride(from: 0, to: entries.count, by: 50) {
    let batch = Array(entries[start..<min(start + 50, entries.count)])
    _ = try send(batch, through: transmitter)
    let complete = try eventually {
      let before = offered
      _ = try receiver.drain(limit: 7) { reply in
        offered += 1
        if offered % 3 == 0 { return false }
        replies.append(reply)
        return true
      }
      guard offered - before <= 7 else { throw Problem(description: "more replies than asked for") }
      return replies.count >= start + batch.count
    }
    guard complete else {
      throw Problem(description: "\(replies.count) of \(start + batch.count) replies came")
    }
  }
  return replies
}

private func resets(for replies: [Reply]) -> [TransmitEntry] {
  replies.filter(\.needsRST).map {
    TransmitEntry(
      rst: $0.source.value, port: $0.sourcePort.value, source: 0,
      sourcePort: $0.destinationPort.value, sequenceNumber: $0.acknowledgmentNumber, sums: resetSums)
  }
}

@Suite(.serialized, .timeLimit(.minutes(5))) struct `A receiver` {
  @Test(arguments: ReceiveMode.allCases)
  func `gets one valid reply to every probe, and each open port gets its RST`(mode: ReceiveMode)
    throws
  {
    try Lab.with { lab in
      let responder = try lab.onPeer {
        try Responder(
          interface: try interfaceIndex("peer0"), name: "peer0", rule: .even, seed: 1,
          closedReset: true, mode: responderMode(mode))
      }
      let receiver = try lab.onScanner { try openReceiver(try settings(), mode: mode) }
      #expect(receiver.mode == mode && receiver.reason == nil)
      receiver.setKey(referenceKey)
      let transmitter = try lab.onScanner {
        try PacketTransmitter(interface: try interfaceIndex("scan0"), queue: 0, batch: 64)
      }
      transmitter.prepare(stamper)
      let replies = try scan(probes(500), through: transmitter, receiver)
      #expect(replies.count == 500)
      #expect(Set(replies.map(\.source)) == Set(probes(500).map { IPv4Address($0.destination) }))
      #expect(replies.allSatisfy { ($0.kind == .open) == ($0.source.value % 2 == 0) })
      #expect(replies.allSatisfy { $0.destinationPort.value == ourPort })
      let fates = try receiver.fates()
      #expect(fates[.open] == 250 && fates[.closed] == 250)
      #expect(fates[.badCookie] == 0 && fates.eventsLost == 0)

      let owed = resets(for: replies)
      #expect(owed.count == 250)
      _ = try send(owed, through: transmitter)
      _ = try eventually { try responder.counts()["rsts_received"] >= 250 }
      let counts = try responder.counts()
      #expect(counts["rsts_received"] == 250 && counts["rsts_invalid"] == 0)
    }
  }

  @Test(arguments: ReceiveMode.allCases)
  func `tells which of two jobs with the same targets a reply belongs to, and counts them apart`(
    mode: ReceiveMode
  ) throws {
    try Lab.with { lab in
      let responder = try lab.onPeer {
        try Responder(
          interface: try interfaceIndex("peer0"), name: "peer0", rule: .even, seed: 1,
          closedReset: true, mode: responderMode(mode))
      }
      let receiver = try lab.onScanner { try openReceiver(try settings(slots: 64), mode: mode) }
      let transmitter = try lab.onScanner {
        try PacketTransmitter(interface: try interfaceIndex("scan0"), queue: 0, batch: 64)
      }
      transmitter.prepare(stamper)
      // Slots 10 and 26 share the hint of our port; slot 11 has the hint of the next.
      let jobs = [(10, referenceKey, ourPort), (26, secondKey, ourPort), (11, thirdKey, ourPort + 1)]
      for (slot, key, _) in jobs { receiver.setKey(key, slot: slot) }
      for round in UInt64(1)...2 {
        for (slot, key, port) in jobs {
          let replies = try scan(probes(100, from: port, key: key), through: transmitter, receiver)
          #expect(replies.allSatisfy { Int($0.slot) == slot })
          #expect(Set(replies.map(\.source)).count == 100)
          let fates = try receiver.fates(slot: slot)
          #expect(fates[.open] == 50 * round && fates[.closed] == 50 * round)
          #expect(fates.seen == 100 * round)
        }
      }
      #expect(try receiver.fates().valid == 600)
      #expect(try receiver.fates(slot: 12) == FateCounts())

      receiver.setKey(nil, slot: 26)
      _ = try send(probes(50, key: secondKey), through: transmitter)
      let rejected = try eventually {
        let count = try receiver.drain(limit: 64) { _ in true }
        return try count == 0 && receiver.fates()[.badCookie] == 50
      }
      #expect(rejected)
      #expect(try receiver.fates().valid == 600)
      #expect(try responder.counts()["syns_invalid"] == 0)
    }
  }

  @Test(arguments: ReceiveMode.allCases)
  func `rejects replies under the key of another scan`(mode: ReceiveMode) throws {
    try Lab.with { lab in
      let responder = try lab.onPeer {
        try Responder(
          interface: try interfaceIndex("peer0"), name: "peer0", rule: .all, seed: 1,
          closedReset: true, mode: responderMode(mode))
      }
      let receiver = try lab.onScanner { try openReceiver(try settings(), mode: mode) }
      let transmitter = try lab.onScanner {
        try PacketTransmitter(interface: try interfaceIndex("scan0"), queue: 0, batch: 64)
      }
      transmitter.prepare(stamper)
      _ = try send(probes(50), through: transmitter)
      var replies = 0
      let counted = try eventually {
        _ = try receiver.drain(limit: 64) { _ in
          replies += 1
          return true
        }
        return try receiver.fates()[.badCookie] == 50
      }
      #expect(counted)
      #expect(replies == 0)
      #expect(try responder.counts()["rsts_received"] == 0)
      #expect(responder.mode == responderMode(mode))
    }
  }

  @Test func `is native on a veth by default`() throws {
    try Lab.with { lab in
      let receiver = try lab.onScanner { try openReceiver(try settings(), mode: nil) }
      #expect(receiver.mode == .xdpNative && receiver.reason == nil)
      let attached = try lab.onScanner {
        try XDPLink.attachedMode(interface: try interfaceIndex("scan0"))
      }
      #expect(attached == .native)
    }
  }

  @Test func `falls back to generic if the driver does not support native, and reports why`() throws {
    try Lab.with { lab in
      // A veth refuses native XDP while its peer may send frames longer than a page.
      try lab.shell("ip -n \(lab.peer) link set peer0 mtu 9000")
      let fault = try #require(throws: Fault.self) {
        try lab.onScanner { _ = try openReceiver(try settings(), mode: .xdpNative) }
      }
      #expect(fault.description.contains("native mode"))
      let receiver = try lab.onScanner { try openReceiver(try settings(), mode: nil) }
      #expect(receiver.mode == .xdpGeneric)
      #expect(receiver.reason == fault.description)
    }
  }

  @Test func `detaches its program when it is deallocated`() throws {
    try Lab.with { lab in
      try lab.onScanner {
        let receiver = try openReceiver(try settings(), mode: .xdpNative)
        _ = try receiver.fates()
      }
      let attached = try lab.onScanner {
        try XDPLink.attachedMode(interface: try interfaceIndex("scan0"))
      }
      #expect(attached == nil)
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct `The error of attaching the receive program` {
  @Test(
    arguments: [.notSupported, .invalidArgument, .outOfRange, .messageTooLong, .noSpace] as [Errno])
  func `means that another mode may work`(cause: Errno) {
    #expect(XDPReceiver.OpenError(attaching: cause, to: "eth0", mode: .native).isUnsupported)
  }

  @Test(arguments: [.resourceBusy, .fileExists, .notPermitted] as [Errno])
  func `does not mean so if another program is attached or a capability is missing`(cause: Errno) {
    let error = XDPReceiver.OpenError(attaching: cause, to: "eth0", mode: .native)
    #expect(!error.isUnsupported && error.fault.remedy != nil)
  }

  @Test func `is told from an error of loading with the same number`() {
    let loading = Fault("cannot attach the receive program to eth0", cause: .invalidArgument)
    #expect(!XDPReceiver.OpenError.failed(loading).isUnsupported)
  }
}

@Suite(.serialized, .timeLimit(.minutes(5))) struct `A second receiver on one interface` {
  @Test(arguments: [ReceiveMode.xdpNative, .xdpGeneric, nil])
  func `is refused: another XDP program is attached`(mode: ReceiveMode?) throws {
    try Lab.with { lab in
      let first = try lab.onScanner { try openReceiver(try settings(), mode: .xdpNative) }
      let fault = try #require(throws: Fault.self) {
        try lab.onScanner { _ = try openReceiver(try settings(), mode: mode) }
      }
      #expect(fault.description.contains("Another XDP program is attached to scan0"))
      #expect(try first.fates().seen < 100)
    }
  }

  @Test func `is refused, too, if it is a target node`() throws {
    try Lab.with { lab in
      let first = try lab.onScanner { try openReceiver(try settings(), mode: .xdpGeneric) }
      let fault = try #require(throws: Fault.self) {
        try lab.onScanner {
          _ = try Responder(
            interface: try interfaceIndex("scan0"), name: "scan0", rule: .all, seed: 1,
            closedReset: true)
        }
      }
      #expect(fault.description.contains("other XDP program"))
      #expect(try first.fates().seen < 100)
    }
  }
}
