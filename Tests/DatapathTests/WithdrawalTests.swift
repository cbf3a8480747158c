// Frames that a transmitter has taken and not yet sent: held, and withdrawn.
import Datapath
import Kernel
import Testing
import Wire

@Suite(.serialized, .timeLimit(.minutes(5))) struct `Unsent frames` {
  private func open(_ way: Way) throws -> any Transmitter {
    switch way {
    case .packet:
      try PacketTransmitter(
        interface: try interfaceIndex("scan0"), queue: 0, batch: 64, ringSize: 128)
    case .xdpCopy:
      try XDPTransmitter(interface: "scan0", queue: 0, mode: .copy, batch: 64, ringSize: 128)
    case .generator: try openGenerator(batch: 64)
    }
  }

  @Test(arguments: Way.allCases)
  func `are not sent by a look for completions that may not send`(way: Way) throws {
    try Lab.with { lab in
      let responder = try lab.onPeer { try silentResponder() }
      let transmitter = try lab.onScanner { try open(way) }
      transmitter.prepare(stamper)
      #expect(!transmitter.hasUnsent)
      #expect(try transmitter.submit(probes(40).span, more: true).accepted == 40)
      #expect(transmitter.hasUnsent && transmitter.inFlight == 40)
      for _ in 0..<100 {
        #expect(try transmitter.complete(sending: false) == FrameCounts())
      }
      #expect(transmitter.hasUnsent && transmitter.inFlight == 40)
      #expect(try responder.counts()["syns_valid"] == 0)
      // What may send sends them.
      #expect(try send(probes(10), through: transmitter, in: lab).probes == 50)
      #expect(!transmitter.hasUnsent)
      _ = try eventually { try responder.counts()["syns_valid"] >= 50 }
      #expect(try responder.counts()["syns_valid"] == 50)
    }
  }

  /// More often than the ring has places, so that it would fill up if places were lost.
  @Test(arguments: Way.allCases)
  func `that are withdrawn never leave, and those after them do`(way: Way) throws {
    try Lab.with { lab in
      let responder = try lab.onPeer { try silentResponder() }
      let transmitter = try lab.onScanner { try open(way) }
      transmitter.prepare(stamper)
      for round in 1...20 as ClosedRange<UInt64> {
        #expect(try transmitter.submit(probes(40).span, more: true).accepted == 40)
        transmitter.discardUnsent()
        #expect(transmitter.inFlight == 0)
        #expect(try send(probes(30), through: transmitter, in: lab).probes == 30)
        _ = try eventually { try responder.counts()["syns_valid"] >= 30 * round }
        #expect(try responder.counts()["syns_valid"] == 30 * round)
      }
      #expect(try responder.counts()["syns_invalid"] == 0)
    }
  }
}
