// A sender under a licence, over a transmitter that records what it is asked for.
import Kernel
import NIC
import Plan
import Scan
import Synchronization
import Testing
import Wire

@testable import Datapath
@testable import Engine

/// Keeps what it is given until it is asked to send, and may refuse to.
private final class RecordingTransmitter: Transmitter {
  struct State {
    var staged: [TransmitEntry.Kind] = []
    var probes = 0
    var resets = 0
    var completed = FrameCounts()
    /// CLOCK_BOOTTIME of the last call that sent a probe.
    var lastProbe: UInt64 = 0
    var refuses = false
    /// How often it was asked to send probes that it had refused.
    var retries = 0
    var discarded = 0
  }

  let mode = TransmitMode.packet
  let queue: UInt32 = 0
  let batch = 64
  let state = Mutex(State())

  func prepare(_ stamper: FrameStamper) {}

  func submit(_ entries: Span<TransmitEntry>, more: Bool) throws(Fault) -> SubmitResult {
    var result = SubmitResult()
    result.accepted = entries.count
    state.withLock { state in
      for index in 0..<entries.count { state.staged.append(entries[index].kind) }
      if !more { result.sent = state.send() }
    }
    return result
  }

  func complete(sending: Bool) throws(Fault) -> FrameCounts {
    state.withLock { state in
      if sending { _ = state.send() }
      defer { state.completed = FrameCounts() }
      return state.completed
    }
  }

  var inFlight: Int { state.withLock { $0.staged.count } }
  var waiting: Int { state.withLock { $0.refuses ? $0.staged.count : 0 } }
  var hasUnsent: Bool { state.withLock { !$0.staged.isEmpty } }
  func discardUnsent() {
    state.withLock { state in
      state.discarded += state.staged.count
      state.staged = []
    }
  }
}

extension RecordingTransmitter.State {
  mutating func send() -> Int {
    if refuses {
      if !staged.isEmpty { retries += 1 }
      return 0
    }
    let sent = staged.count
    for kind in staged {
      switch kind {
      case .syn:
        probes += 1
        completed.probes += 1
        lastProbe = Clock.boottime
      case .rst:
        resets += 1
        completed.resets += 1
      }
    }
    staged = []
    return sent
  }
}

@Suite(.serialized, .timeLimit(.minutes(5))) struct `A sender with a licence` {
  /// A sender on a thread of its own, of a job with 65,536 targets.
  private final class Run {
    let transmitter = RecordingTransmitter()
    let licence = LicenceGate()
    let counters = SenderCounters()
    let resets: ResetQueue

    init() throws { resets = try ResetQueue() }

    func start() throws -> KernelThread {
      let key = SipHashKey(k0: 1, k1: 2)
      let file = try TargetFile.parse(Array("198.19.0.0/16:80".utf8), name: "t")
      let plan = try TargetPlan([file], defaultPorts: nil, scope: Scope())
      let gate = ScopeGate()
      let builder = ProbeBuilder(
        counters: counters,
        maker: EntryMaker(
          SourceSelection(addresses: 1, ports: 40_000...40_000, key: key), cookie: Cookie(key: key),
          profile: .smallest, sources: [IPv4Address(198, 18, 0, 1)]),
        nextHops: NextHops(through: MACAddress(0x0200_0000_0001)), gate: gate,
        cursor: ProbeSequence(plan: plan, seed: Seed(1)).cursor(), block: 64)
      let block = builder.emptyBlock()
      let (transmitter, resets, counters, licence) = (transmitter, resets, counters, licence)
      return try KernelThread(name: "send", processor: nil) {
        var sender = Sender(
          transmitter: transmitter, resets: resets, counters: counters, gate: gate,
          source: .builder(builder), block: block,
          pacer: Pacer(perSecond: 2000, start: Clock.monotonic), overload: nil,
          licence: LicensedShare(licence, index: 0, of: 1, jobRate: 2000))
        sender.run()
      }
    }

    func grant(_ nanoseconds: UInt64) -> UInt64 {
      let expires = Clock.boottime + nanoseconds
      licence.grant(rate: 1000, expires: expires, denySequence: 1)
      return expires
    }

    /// Publishes an RST, as the receive thread does.
    func reset() {
      let sums = SourceSums(rstFrom: IPv4Address(198, 18, 0, 1))
      var entries = [
        TransmitEntry(rst: 1, port: 1, source: 0, sourcePort: 1, sequenceNumber: 1, sums: sums)
      ]
      resets.publish(&entries)
    }

    func wait(_ condition: (RecordingTransmitter.State) -> Bool) -> Bool {
      let deadline = Clock.monotonic + 30_000_000_000
      while Clock.monotonic < deadline {
        if transmitter.state.withLock({ condition($0) }) { return true }
        pause(milliseconds: 1)
      }
      return false
    }

    func wait(until time: UInt64) { while Clock.boottime < time { pause(milliseconds: 1) } }
  }

  @Test func `sends no probe before there is one, and RSTs nevertheless`() throws {
    let run = try Run()
    let thread = try run.start()
    run.reset()
    #expect(run.wait { $0.resets == 1 })
    #expect(run.transmitter.state.withLock { $0.probes } == 0)
    let expires = run.grant(60_000_000_000)
    #expect(run.wait { $0.probes > 10 })
    #expect(Clock.boottime < expires)
    run.counters.phase = .ended
    thread.join()
    #expect(run.counters.fault == nil)
  }

  @Test func `sends no probe after its expiry, and RSTs nevertheless`() throws {
    for _ in 0..<10 {
      let run = try Run()
      let expires = run.grant(500_000_000)
      let thread = try run.start()
      run.wait(until: expires + 1)
      run.counters.requestPosition()
      while run.counters.isPositionRequested { pause(milliseconds: 1) }
      // A thread that loses its processor between handing a probe over and sending it keeps the probe, and RSTs with it.
      let isHeld = run.transmitter.inFlight > 0
      if !isHeld { expectOnlyResets(run, expires) }
      run.counters.phase = .ended
      thread.join()
      #expect(run.counters.fault == nil)
      if !isHeld { return }
    }
    Issue.record("all of ten licences expired while a probe was being handed over")
  }

  /// Expects RSTs and no probes, and probes once the licence is renewed.
  private func expectOnlyResets(_ run: Run, _ expires: UInt64) {
    run.reset()
    #expect(run.wait { $0.resets == 1 })
    let state = run.transmitter.state.withLock { $0 }
    #expect(state.probes > 0 && state.lastProbe <= expires)
    // Many steps later, which RSTs prove.
    for number in 2...20 {
      run.reset()
      #expect(run.wait { $0.resets == number })
    }
    #expect(run.transmitter.state.withLock { $0.probes } == state.probes)
    _ = run.grant(60_000_000_000)
    #expect(run.wait { $0.probes > state.probes })
  }

  @Test func `does not send what was refused before its expiry, and withdraws it at its end`() throws {
    let run = try Run()
    let expires = run.grant(500_000_000)
    let thread = try run.start()
    #expect(run.wait { $0.probes > 0 })
    run.transmitter.state.withLock { $0.refuses = true }
    #expect(run.wait { $0.retries > 0 })
    run.wait(until: expires + 50_000_000)
    let retries = run.transmitter.state.withLock { state in
      state.refuses = false
      return (state.retries, state.probes)
    }
    // An RST would send the probes before it.
    run.reset()
    run.counters.requestPosition()
    let deadline = Clock.monotonic + 30_000_000_000
    while run.counters.isPositionRequested, Clock.monotonic < deadline { pause(milliseconds: 1) }
    #expect(!run.counters.isPositionRequested)
    #expect(run.transmitter.state.withLock { ($0.retries, $0.probes) } == retries)
    run.counters.phase = .ended
    thread.join()
    #expect(run.counters.fault == nil)
    let state = run.transmitter.state.withLock { $0 }
    #expect(state.discarded > 0 && state.probes == retries.1)
    #expect(state.resets == 1, "each reply is owed an RST")
  }

  @Test func `sends what was refused before its expiry once it is renewed`() throws {
    let run = try Run()
    let expires = run.grant(500_000_000)
    let thread = try run.start()
    #expect(run.wait { $0.probes > 0 })
    run.transmitter.state.withLock { $0.refuses = true }
    #expect(run.wait { $0.retries > 0 })
    run.wait(until: expires)
    let (sent, kept) = run.transmitter.state.withLock { state in
      state.refuses = false
      return (state.probes, state.staged.count)
    }
    #expect(kept > 0)
    _ = run.grant(60_000_000_000)
    #expect(run.wait { $0.probes > sent + kept })
    run.counters.phase = .ended
    thread.join()
    #expect(run.counters.fault == nil && run.transmitter.state.withLock { $0.discarded } == 0)
  }
}
