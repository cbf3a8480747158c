import Datapath
import Foundation
import Kernel
import NIC
import Plan
import Scan
import Synchronization
import Testing
import Wire

@testable import Engine

/// Has one reply, which arrives while the thread takes replies, just after its scan has begun.
private final class LateReceiver: Receiver {
  let mode = ReceiveMode.xdpNative
  let reason: String? = nil
  let dedicatedSources: Set<IPv4Address> = []
  let dedicationFault: Fault? = nil
  let acceptsPartialChecksums = false
  var descriptor: Int32 { wakeup.number }
  private let calls = Atomic<Int>(0)
  private let begin = Mutex<(@Sendable () -> Void)?>(nil)
  private let wakeup: Wakeup

  init() throws {
    wakeup = try Wakeup()
    wakeup.signal()
  }

  func whenDrained(_ body: @escaping @Sendable () -> Void) { begin.withLock { $0 = body } }

  func setKey(_ key: SipHashKey?, slot: Int) {}
  func attach(generator program: Int32) throws(Fault) -> Int32? { nil }
  func fates() throws(Fault) -> FateCounts { FateCounts() }
  func fates(slot: Int) throws(Fault) -> FateCounts { FateCounts() }

  func drain(limit: Int, _ body: (Reply) -> Bool) throws(Fault) -> Int {
    guard calls.add(1, ordering: .relaxed).oldValue == 0 else { return 0 }
    begin.withLock { $0?() }
    var reply = Reply(
      kind: .open, time: 1, source: IPv4Address(198, 19, 0, 1), sourcePort: Port(80),
      destination: IPv4Address(198, 18, 0, 1), destinationPort: Port(40_000), identification: 0,
      timeToLive: 64)
    reply.slot = 3
    #expect(body(reply))
    return 1
  }
}

@Suite(.timeLimit(.minutes(5))) struct `The receive loop` {
  /// Believes the receiver's reply.
  private func check(_ senders: [SenderCounters]) throws -> ReplyCheck {
    let key = SipHashKey(k0: 1, k1: 2)
    let file = try TargetFile.parse(Array("198.19.0.1:80".utf8), name: "t")
    let plan = try TargetPlan([file], defaultPorts: nil, scope: Scope())
    return ReplyCheck(
      SentProbes(
        ProbeSequence(plan: plan, seed: Seed(1)),
        selection: SourceSelection(addresses: 1, ports: 40_000...40_000, key: key),
        sources: [IPv4Address(198, 18, 0, 1)]), ResetLimiter(key: key, passes: 1, rate: 0),
      gate: ScopeGate(), senders: senders)
  }

  @Test func `knows a scan that begins while it takes replies`() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "synbox-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let sink = ResultSink(
      ResultWriter(
        try Files.create(path), name: path,
        formatter: ResultFormatter(format: .csv, fields: ResultField.standard)))
    let receiver = try LateReceiver()
    let loop = try ReceiveLoop(
      receiver, resets: try ResetQueue(), results: try ResultQueue(),
      sources: [IPv4Address(198, 18, 0, 1)])
    let intake = Intake(
      slot: 3, nextHops: NextHops(through: MACAddress(0x0200_0000_0001)), senders: [SenderCounters()],
      sink: sink, pause: Pause(), dedupes: true, resultsLimit: nil, clockOffset: 0)
    let growth = try TableGrowth(ResultQueue())
    let check = try check(intake.senders)
    receiver.whenDrained {
      let scan = ReplyIntake(
        intake, check: check, table: DedupeTable(key: SipHashKey(k0: 1, k1: 2)), growth: growth)
      #expect(throws: Never.self) { try loop.add(scan) }
    }
    let thread = try KernelThread(name: "receive", processor: nil) { loop.run() }
    let deadline = Clock.monotonic + 60_000_000_000
    while intake.counts.value.reported == 0, Clock.monotonic < deadline { pause(milliseconds: 1) }
    loop.stop()
    thread.join()
    #expect(intake.counts.value.reported == 1)
    #expect(intake.counts.value.results == 1)
  }
}
