// Starts a scan's sending threads, each with its share of the probes and of the rate.
import Datapath
import Kernel
import NIC
import Plan
import Scan
import Synchronization
import Wire

extension ScanRun {
  func startSenders() throws(Fault) -> Threads {
    let stamper = FrameStamper(
      profile: job.profile, cookie: Cookie(key: job.key), sources: station.sources,
      sourceMAC: station.interface.mac, nextHops: nextHops.addresses)
    var threads = Threads()
    let shares = self.shares
    // Before any thread starts, because the generator's queues share their templates.
    for transmitter in station.transmitters { transmitter.prepare(stamper) }
    for (index, counters) in senders.enumerated() {
      guard index < shares.count else {
        counters.finishTime.store(Clock.monotonic, ordering: .releasing)
        continue
      }
      let builder = builder(index, of: shares.count)
      try startSender(index, builder, rate: shares[index], &threads)
    }
    return threads
  }

  func builder(_ index: Int, of count: Int) -> ProbeBuilder {
    let selection = SourceSelection(
      addresses: station.sources.count, ports: station.settings.sourcePorts, key: job.key)
    return ProbeBuilder(
      counters: senders[index], selection: selection, nextHops: nextHops, gate: gate,
      cursor: job.sequence.cursor(from: checkpointer?.index ?? 0, thread: index, of: count),
      block: station.transmitters[index].batch)
  }

  /// Each sender's share of the rate, probes per second; 0 is no limit.
  var shares: [UInt64] {
    let rate = job.rate.perSecond ?? 0
    guard rate > 0 else { return senders.map { _ in 0 } }
    // A share is at least one probe a second, so a very low rate leaves some senders idle.
    let count = min(UInt64(senders.count), rate)
    // The first ones take the division's remainder, so that the shares add up to the rate.
    return (0..<count).map { rate / count + ($0 < rate % count ? 1 : 0) }
  }

  /// Starts a transmitter's sending thread, and a planning thread for it if that pays.
  func startSender(
    _ index: Int, _ builder: ProbeBuilder, rate: UInt64, _ threads: inout Threads
  ) throws(Fault) {
    let transmitter = station.transmitters[index]
    let counters = senders[index]
    let resets = index == 0 ? self.resets : ResetQueue(capacity: 1)
    let block = builder.emptyBlock()
    let gate = self.gate
    // Only the generator is fast enough for target selection to cost it a tenth of its time.
    let isFast = transmitter.mode == .generator && (rate == 0 || rate > 1_000_000)
    let feed = isFast && placement.hasSpare ? ProbeFeed(blocks: 8, of: builder) : nil
    if let feed {
      threads.append(
        try KernelThread(name: "plan-\(transmitter.queue)", processor: placement.spare(index)) {
          feed.run(builder)
        })
    }
    threads.append(
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

  /// CLOCK_MONOTONIC when the last sender finished, nanoseconds; nil while any sends.
  var sendingFinished: UInt64? {
    var latest: UInt64 = 0
    for sender in senders {
      let finishTime = sender.finishTime.load(ordering: .acquiring)
      if finishTime == 0 { return nil }
      latest = max(latest, finishTime)
    }
    return latest
  }
}
