// The sending thread's loop: RSTs first, then as many probes as the pacer allows.
import Datapath
import Kernel
import Plan
import Scan
import Synchronization
import Wire

/// Sends one thread's share of the probes. Allocates before the loop, not in it.
struct Sender {
  private let transmitter: any Transmitter
  private let resets: ResetQueue
  private let counters: SenderCounters
  private let selection: SourceSelection
  private let nextHops: NextHops
  private var cursor: ProbeSequence.Cursor
  private var pacer: Pacer

  private var probes: [Probe]
  /// Probes stamped with their sources, `entries[first..<last]` still to be sent.
  private var entries: [TransmitEntry]
  private var first = 0
  private var last = 0
  private var resetBatch: [TransmitEntry] = []
  private var exhausted = false
  private var hasBegun = false

  /// - Parameter rate: this thread's share, probes per second; 0 is no limit.
  init(
    transmitter: any Transmitter, resets: ResetQueue, counters: SenderCounters,
    selection: SourceSelection, nextHops: NextHops, cursor: ProbeSequence.Cursor, rate: UInt64
  ) {
    self.transmitter = transmitter
    self.resets = resets
    self.counters = counters
    self.selection = selection
    self.nextHops = nextHops
    self.cursor = cursor
    pacer = Pacer(perSecond: rate, start: Clock.monotonic)
    let target = Target(IPv4Address(0), Port(0))
    probes = [Probe](repeating: Probe(target, pass: 0), count: transmitter.batch)
    entries = [TransmitEntry](
      repeating: TransmitEntry(syn: 0, port: 0, source: 0, sourcePort: 0), count: transmitter.batch)
    resetBatch.reserveCapacity(4096)
  }

  /// Runs until told to end, or until sending fails; the reason is left in the counters.
  mutating func run() {
    do throws(Fault) {
      while counters.phase != .ended { try turn() }
      // RSTs whose events were taken are owed.
      try sendResets()
      try drain()
    } catch {
      counters.fault = error
      counters.finished.store(Clock.monotonic, ordering: .releasing)
    }
  }

  private mutating func turn() throws(Fault) {
    try takeCompletions()
    if !resets.isEmpty { try sendResets() }
    guard counters.phase == .sending, !exhausted else {
      if transmitter.inFlight == 0, counters.finished.load(ordering: .relaxed) == 0 {
        counters.finished.store(Clock.monotonic, ordering: .releasing)
      }
      return rest(until: Clock.monotonic + 500_000)
    }
    if first == last {
      refill()
      if exhausted { return }
    }
    let due = min(pacer.due(at: Clock.monotonic), last - first)
    guard due > 0 else { return rest(until: pacer.moment(for: min(tick, last - first))) }
    if !hasBegun {
      hasBegun = true
      counters.begun.store(Clock.monotonic, ordering: .relaxed)
    }
    let result = try transmitter.submit(entries.span.extracting(first..<first + due))
    pacer.spend(result.accepted)
    first += result.accepted
    counters.probesRefused.add(result.refused.probes, ordering: .relaxed)
    // A full queue empties at the NIC's pace; asking again at once would only burn the processor.
    if result.accepted == 0 { rest(until: Clock.monotonic + 20_000) }
  }

  /// Probes to wait for at a time: a millisecond's worth, so that slow scans hardly wake.
  private var tick: Int {
    max(1, min(transmitter.batch, Int(clamping: pacer.perSecond / 1000)))
  }

  /// Sleeps, but never long: RSTs may come, and a signal wants to be noticed.
  private func rest(until moment: UInt64) {
    Clock.sleep(untilMonotonic: min(moment, Clock.monotonic + 5_000_000))
  }

  private mutating func refill() {
    (first, last) = (0, 0)
    while last == 0, !exhausted {
      let count = Self.fill(&probes, from: &cursor)
      exhausted = count == 0
      for index in 0..<count { append(probes[index]) }
    }
  }

  private static func fill(_ probes: inout [Probe], from cursor: inout ProbeSequence.Cursor) -> Int {
    var span = probes.mutableSpan
    return cursor.next(into: &span)
  }

  private mutating func append(_ probe: Probe) {
    guard let hop = nextHops.index(of: probe.address.value) else {
      if probe.pass == 0 { counters.unresolved.add(1, ordering: .relaxed) }
      return
    }
    let (source, port) = selection.choose(
      destination: probe.address.value, port: probe.port.value, pass: UInt64(probe.pass))
    entries[last] = TransmitEntry(
      syn: probe.address.value, port: probe.port.value, source: source, sourcePort: port,
      nextHop: hop)
    last += 1
  }

  private mutating func sendResets() throws(Fault) {
    resetBatch.removeAll(keepingCapacity: true)
    resets.takeAll(into: &resetBatch)
    var sent = 0
    while sent < resetBatch.count {
      let result = try transmitter.submit(resetBatch.span.extracting(sent..<resetBatch.count))
      sent += result.accepted
      try takeCompletions()
      if result.accepted == 0 { rest(until: Clock.monotonic + 20_000) }
    }
  }

  private func takeCompletions() throws(Fault) {
    let counts = try transmitter.complete()
    if counts.probes > 0 { counters.probesCompleted.add(counts.probes, ordering: .relaxed) }
    if counts.resets > 0 { counters.resetsCompleted.add(counts.resets, ordering: .relaxed) }
  }

  /// Waits for what the kernel still holds; a NIC that confirms nothing for two seconds will not any more.
  private func drain() throws(Fault) {
    let deadline = Clock.monotonic + 2_000_000_000
    while true {
      try takeCompletions()
      if transmitter.inFlight == 0 { return }
      guard Clock.monotonic < deadline else {
        throw Fault(
          "\(transmitter.inFlight) frames were handed to queue \(transmitter.queue) and never confirmed",
          remedy: "The link may have gone down during the scan")
      }
      rest(until: Clock.monotonic + 100_000)
    }
  }
}
