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
package final class ScanEngine {
  package let station: Station
  let resets = ResetQueue()
  let placement: ThreadPlacement
  let receiving: ReceiveLoop
  let writing: WriterLoop
  private var senders = Threads()
  private var receiver: KernelThread?
  private var writer: KernelThread?

  /// Call it before the drop.
  package init(_ station: Station) throws(Fault) {
    self.station = station
    placement = ThreadPlacement(senders: station.transmitters.count)
    let results = try ResultQueue()
    receiving = ReceiveLoop(
      station.receiver, resets: resets, results: results, sources: station.sources)
    writing = WriterLoop(results)
  }

  // MARK: - Receiving and writing

  /// Starts the threads that take replies and write results.
  func startReceiving() throws(Fault) {
    guard receiver == nil else { return }
    receiving.reset()
    writing.reset()
    let (receiving, writing) = (receiving, writing)
    writer = try KernelThread(name: "write", processor: nil) { writing.run() }
    receiver = try KernelThread(name: "receive", processor: placement.receiver) { receiving.run() }
  }

  func stopReceiving() {
    receiving.stop()
    if let thread = receiver.take() { thread.join() }
    writing.stop()
    if let thread = writer.take() { thread.join() }
  }

  /// Takes the packets that wait, for no scan. Bounded, because packet capture also sees packets of others, which never
  /// end.
  func discardReplies() throws(Fault) {
    for _ in 0..<1024 where try station.receiver.drain(limit: 256, { _ in true }) == 0 { return }
  }

  // MARK: - Sending

  /// Starts the sending threads of a scan, each with its share of the probes and of the rate.
  func startSenders(of scan: RunningScan) throws(Fault) {
    let stamper = FrameStamper(
      profile: scan.job.profile, cookie: Cookie(key: scan.job.key), sources: station.sources,
      sourceMAC: station.interface.mac, nextHops: scan.nextHops.addresses)
    let shares = scan.shares
    // Before any thread starts, because the generator's queues share their templates.
    for transmitter in station.transmitters { transmitter.prepare(stamper) }
    for (index, counters) in scan.senders.enumerated() {
      guard index < shares.count else {
        counters.finishTime.store(Clock.monotonic, ordering: .releasing)
        continue
      }
      try startSender(index, of: scan, builder(index, of: shares.count, scan), rate: shares[index])
    }
  }

  private func builder(_ index: Int, of count: Int, _ scan: RunningScan) -> ProbeBuilder {
    let selection = SourceSelection(
      addresses: station.sources.count, ports: station.settings.sourcePorts, key: scan.job.key)
    return ProbeBuilder(
      counters: scan.senders[index], selection: selection, nextHops: scan.nextHops, gate: scan.gate,
      cursor: scan.job.sequence.cursor(from: scan.checkpointer?.index ?? 0, thread: index, of: count),
      block: station.transmitters[index].batch)
  }

  /// Starts a transmitter's sending thread, and a planning thread for it if that pays.
  private func startSender(_ index: Int, of scan: RunningScan, _ builder: ProbeBuilder, rate: UInt64)
    throws(Fault)
  {
    let transmitter = station.transmitters[index]
    let counters = scan.senders[index]
    let resets = index == 0 ? self.resets : ResetQueue(capacity: 1)
    let block = builder.emptyBlock()
    let gate = scan.gate
    // Only the generator is fast enough for target selection to cost it a tenth of its time.
    let isFast = transmitter.mode == .generator && (rate == 0 || rate > 1_000_000)
    let feed = isFast && placement.hasSpare ? ProbeFeed(blocks: 8, of: builder) : nil
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
        var sender = Sender(
          transmitter: transmitter, resets: resets, counters: counters, gate: gate,
          source: feed.map { .feed($0) } ?? .builder(builder), block: block, rate: rate)
        sender.run()
        feed?.stop()
      })
  }

  /// Waits for the sending threads, whose phase must be `ended`. They have sent all RSTs that were queued.
  func joinSenders() {
    while let thread = senders.popLast() { thread.join() }
  }
}
