// Runs scans on an open station, each on threads of its own: one receives, one writes results, the others send.
import Datapath
import Kernel
import NIC
import Plan
import Scan
import Spool
import Synchronization
import Wire

/// The threads that scans run on, and what these threads share. Used by one thread, the control thread: it may wait for
/// disks and the network, because no other thread waits for it.
///
/// Scans overlap: one sends, others wait for their last replies, each in a slot of its own. The sending threads belong to
/// the scan that began last. When it has sent everything, they stay, because the RSTs of all scans leave through them.
package final class ScanEngine {
  package let station: Station
  /// How many scans may run at the same time.
  package var slots: Int { station.settings.slots }
  /// Allows probes to all scans; nil if no licence is needed. Set it before the first scan.
  package var licence: LicenceGate?
  let resets: ResetQueue
  let nextHops = NextHopTable()
  let placement: ThreadPlacement
  let receiving: ReceiveLoop
  let writing: WriterLoop
  let growth: TableGrowth
  private var scans: [RunningScan] = []
  /// The scan that the sending threads were started for.
  private var owner: RunningScan?
  private var senders = Threads()
  private var receiver: KernelThread?
  private var writer: KernelThread?
  private var grower: KernelThread?

  /// Call it before the drop.
  package init(_ station: Station) throws(Fault) {
    self.station = station
    placement = ThreadPlacement(senders: station.transmitters.count)
    resets = try ResetQueue()
    let results = try ResultQueue()
    receiving = try ReceiveLoop(
      station.receiver, resets: resets, results: results, sources: station.sources)
    writing = WriterLoop(results)
    growth = try TableGrowth(results)
  }

  /// A fault of the threads that all scans need; nil while they work.
  var fault: Fault? { receiving.fault ?? owner?.senders.lazy.compactMap(\.fault).first }

  // MARK: - Scans

  /// Makes room for a scan. The first one finds no replies of others, and next hops numbered anew.
  func prepare(for hops: NextHops) throws(Fault) {
    if scans.isEmpty {
      // Bounded, because packet capture also sees packets of others, which never end.
      for _ in 0..<1024 where try station.receiver.drain(limit: 256, { _ in true }) == 0 { break }
      nextHops.reset()
    }
    guard !nextHops.isFull(for: hops) else {
      throw Fault(
        "the jobs that cool down use \(nextHops.addresses.count) next hops, which leaves too few",
        cause: .hostUnreachable)
    }
  }

  /// Returns the bytes that the dedupe table of one more scan may have, if all together may have `limit`. Scans that cool
  /// down hardly grow. At least half of the limit, so that a scan after a very large one finds most duplicates, too.
  func tableLimit(_ limit: Int) -> Int {
    max(limit / 2, limit - scans.reduce(0) { $0 + $1.intake.tableBytes })
  }

  /// Starts a scan. The one before must have sent everything.
  func begin(_ scan: RunningScan, _ table: DedupeTable) throws(Fault) {
    scans.append(scan)
    try receiving.add(
      ReplyIntake(scan.intake, check: check(of: scan), table: table, growth: growth))
    try startReceiving()
    endSenders()
    owner = scan
    try startSenders(of: scan)
  }

  /// Forgets a scan. The last one takes the threads with it.
  func end(_ scan: RunningScan) {
    scans.removeAll { $0 === scan }
    guard scans.isEmpty else { return }
    endSenders()
    stopReceiving()
  }

  // MARK: - Receiving and writing

  /// Starts the threads that take replies, write results and allocate memory for the dedupe tables.
  private func startReceiving() throws(Fault) {
    guard receiver == nil else { return }
    receiving.reset()
    writing.reset()
    growth.reset()
    let (receiving, writing, growth) = (receiving, writing, growth)
    grower = try KernelThread(name: "grow", processor: nil) { growth.run() }
    writer = try KernelThread(name: "write", processor: nil) { writing.run() }
    receiver = try KernelThread(name: "receive", processor: placement.receiver) { receiving.run() }
  }

  private func stopReceiving() {
    receiving.stop()
    if let thread = receiver.take() { thread.join() }
    writing.stop()
    if let thread = writer.take() { thread.join() }
    growth.stop()
    if let thread = grower.take() { thread.join() }
  }

  // MARK: - Sending

  /// Ends the sending threads once they have sent all RSTs that were queued.
  private func endSenders() {
    if let owner { for sender in owner.senders { sender.phase = .ended } }
    resets.wake()
    while let thread = senders.popLast() { thread.join() }
    owner = nil
  }

  /// Starts the sending threads of a scan, each with its share of the probes and of the rate.
  private func startSenders(of scan: RunningScan) throws(Fault) {
    let stamper = FrameStamper(
      profile: scan.job.profile, sources: station.sources, sourceMAC: station.interface.mac,
      nextHops: nextHops.addresses)
    let shares = scan.shares
    // Before any thread starts, because the generator's queues share their templates.
    for transmitter in station.transmitters { transmitter.prepare(stamper) }
    for (index, counters) in scan.senders.enumerated() {
      guard index < shares.count else {
        counters.finishTime.store(Clock.monotonic, ordering: .releasing)
        continue
      }
      let licence = licence.map {
        LicensedShare($0, index: index, of: shares.count, jobRate: shares[index])
      }
      try startSender(
        index, of: scan, builder(index, of: shares.count, scan), rate: shares[index], licence)
    }
  }

  private func selection(for scan: RunningScan) -> SourceSelection {
    SourceSelection(
      addresses: station.sources.count, ports: station.settings.sourcePorts, key: scan.job.key,
      slot: Int(scan.intake.slot), slots: slots)
  }

  /// Returns how a scan's replies are checked. Made for the receive thread alone, which would have to copy what others
  /// share with it.
  private func check(of scan: RunningScan) -> ReplyCheck {
    let job = scan.job
    return ReplyCheck(
      SentProbes(job.sequence, selection: selection(for: scan), sources: station.sources),
      ResetLimiter(
        key: job.key.derived(for: .resets), passes: job.sequence.probes.value,
        rate: job.rate.perSecond ?? 0), gate: scan.gate, senders: scan.senders)
  }

  private func builder(_ index: Int, of count: Int, _ scan: RunningScan) -> ProbeBuilder {
    ProbeBuilder(
      counters: scan.senders[index],
      maker: EntryMaker(
        selection(for: scan), cookie: Cookie(key: scan.job.key), profile: scan.job.profile,
        sources: station.sources),
      nextHops: scan.intake.nextHops,
      gate: scan.gate,
      cursor: scan.job.sequence.cursor(from: scan.checkpointer?.index ?? 0, thread: index, of: count),
      block: station.transmitters[index].batch)
  }

  /// Starts a transmitter's sending thread, and a planning thread for it if that pays.
  private func startSender(
    _ index: Int, of scan: RunningScan, _ builder: ProbeBuilder, rate: UInt64,
    _ licence: LicensedShare?
  ) throws(Fault) {
    let transmitter = station.transmitters[index]
    let counters = scan.senders[index]
    let resets = index == 0 ? self.resets : nil
    let block = builder.emptyBlock()
    let gate = scan.gate
    let interval = scan.job.paceInterval
    let overload = scan.job.onOverload == .slow ? OverloadGuard(station.receiver) : nil
    // Below, the sender has time to build its entries itself.
    let isFast = rate == 0 || rate > 1_000_000
    // Some milliseconds' worth, because the planning thread sleeps while they are full.
    let blocks = max(8, 4096 / transmitter.batch)
    let feed = isFast && placement.hasSpare ? ProbeFeed(blocks: blocks, of: builder) : nil
    if let feed {
      senders.append(
        try KernelThread(name: "plan-\(transmitter.queue)", processor: placement.spare(index)) {
          feed.run(builder)
        })
    }
    senders.append(
      try KernelThread(
        name: "send-\(transmitter.queue)",
        processor: transmitter.processor ?? placement.sender(index)
      ) {
        let pacer = Pacer(perSecond: rate, interval: interval, start: Clock.monotonic)
        var sender = Sender(
          transmitter: transmitter, resets: resets, counters: counters, gate: gate,
          source: feed.map { .feed($0) } ?? .builder(builder), block: block, pacer: pacer,
          overload: overload, licence: licence)
        sender.run()
        feed?.stop()
      })
  }
}
