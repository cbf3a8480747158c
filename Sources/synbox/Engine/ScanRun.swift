// One scan on an open station: senders on their threads, replies and signals on this one.
import Datapath
import Kernel
import NIC
import Plan
import Scan
import Spool
import Synchronization
import Wire

/// Runs a scan to its end. The station must be confined already.
struct ScanRun: ~Copyable {
  let station: Station
  let job: JobSettings
  let nextHops: NextHops
  let senders: [SenderCounters]
  let resets: ResetQueue
  let sourceIndex: [IPv4Address: UInt16]
  var writer: ResultWriter
  private(set) var table: DedupeTable
  let before: FateCounts
  /// Wall-clock time minus CLOCK_MONOTONIC, nanoseconds, for the events' timestamps.
  let clockOffset: UInt64
  let started: UInt64
  let usageBefore: ResourceUsage
  /// nil where nothing is gone on with later.
  let checkpoints: Checkpoints?
  /// Holds what the senders must not send, and why they send nothing at all.
  let gate: ScopeGate
  var pause: Pause { gate.pause }
  /// Pairs forgotten when the table was filled from the answers of earlier processes, which counted them.
  let evictionsBefore: UInt64

  /// Replies taken from the receiver: each becomes a result, a duplicate, or is discarded.
  private(set) var reported: UInt64 = 0
  private(set) var duplicates: UInt64 = 0
  private(set) var discarded: UInt64 = 0
  private(set) var ending: Ending?
  /// CLOCK_MONOTONIC: every reply that had come by then has been taken.
  private(set) var takenUntil: UInt64 = 0
  /// When results that could not be written are tried again.
  var nextFlush: UInt64 = 0
  private let placement: ThreadPlacement
  /// Replies on their way from the receiver to the results.
  private var replies: [Reply] = []
  /// What the table says of them.
  private var verdicts: [DedupeTable.Verdict] = []
  private static let repliesAtOnce = 256

  /// - Parameter checkpoints: of a job that is gone on with after an interruption, perhaps from its last one.
  init(
    _ job: JobSettings, on station: Station, nextHops: NextHops, writer: consuming ResultWriter,
    checkpoints: Checkpoints? = nil
  ) throws(Fault) {
    // What an earlier scan's late replies left in the ring is not this one's: from here on none get in.
    station.receiver.setKey(job.key)
    try Self.discardReplies(station.receiver)
    let before = try station.receiver.fates()
    let table = try Self.table(job, checkpoints)
    self.before = before
    self.station = station
    self.job = job
    self.nextHops = nextHops
    self.writer = writer
    resets = ResetQueue()
    senders = station.transmitters.map { _ in SenderCounters() }
    placement = ThreadPlacement(senders: station.transmitters.count)
    sourceIndex = Dictionary(
      uniqueKeysWithValues: station.sources.enumerated().map { ($1, UInt16($0)) })
    self.table = table
    evictionsBefore = table.evictions
    gate = job.scopeGate ?? ScopeGate(sha256: job.scopeSHA256)
    self.checkpoints = checkpoints
    replies.reserveCapacity(Self.repliesAtOnce)
    verdicts.reserveCapacity(Self.repliesAtOnce)
    started = Clock.monotonic
    clockOffset = Clock.realtime &- started
    usageBefore = .current
  }

  /// - Parameters:
  ///   - signals: those of the job's `endingSignals` end the scan with its results saved.
  ///   - firstProbe: called once the first probe was handed over.
  ///   - progress: called about once a second. What it returns, if anything, ends the scan with its results
  ///     saved.
  consuming func run(
    signals: borrowing SignalReader, firstProbe: () -> Void = {},
    progress: (Progress) throws(Fault) -> Ending?
  ) throws(Fault) -> (summary: Summary, last: Progress, ending: Ending) {
    var threads = try startSenders()
    var failed: Fault?
    do throws(Fault) {
      // Replies on the one processor, probes on the others.
      try onProcessor(placement.receiver) { () throws(Fault) in
        try loop(signals, firstProbe, progress)
      }
    } catch {
      failed = error
    }
    for sender in senders { sender.phase = .ended }
    while let thread = threads.popLast() { thread.join() }
    checkpoints?.join()
    if let failed { throw failed }
    if let fault = senders.lazy.compactMap(\.fault).first { throw fault }
    try takeLastReplies()
    let last = try self.progress(at: Clock.monotonic)
    if let ending, ending.isResumable, let checkpoints {
      try keep(checkpoints)
    } else {
      try writer.sync()
    }
    return (try summary(), last, ending ?? .done)
  }

  // MARK: - Sending

  private func startSenders() throws(Fault) -> Threads {
    let stamper = FrameStamper(
      profile: job.profile, cookie: Cookie(key: job.key), sources: station.sources,
      sourceMAC: station.interface.mac, nextHops: nextHops.addresses)
    var threads = Threads()
    let shares = self.shares
    // All before the first thread starts: the generator's queues share their templates.
    for transmitter in station.transmitters { transmitter.prepare(stamper) }
    for (index, counters) in senders.enumerated() {
      guard index < shares.count else {
        counters.finished.store(Clock.monotonic, ordering: .releasing)
        continue
      }
      let maker = maker(index, of: shares.count)
      try start(index, maker, rate: shares[index], &threads)
    }
    return threads
  }

  func maker(_ index: Int, of count: Int) -> ProbeMaker {
    let selection = SourceSelection(
      addresses: station.sources.count, ports: station.settings.sourcePorts, key: job.key)
    return ProbeMaker(
      counters: senders[index], selection: selection, nextHops: nextHops, gate: gate,
      cursor: job.sequence.cursor(from: checkpoints?.index ?? 0, thread: index, of: count),
      block: station.transmitters[index].batch)
  }

  /// Each sending thread's part of the rate, probes per second; 0 is no limit.
  var shares: [UInt64] {
    let whole = job.rate.perSecond ?? 0
    guard whole > 0 else { return senders.map { _ in 0 } }
    // Below one probe a second for each thread fewer of them share the work.
    let count = min(UInt64(senders.count), whole)
    // They add up: the first ones take what the division leaves over.
    return (0..<count).map { whole / count + ($0 < whole % count ? 1 : 0) }
  }

  /// Starts the sending thread of a transmitter, and where that pays another one that works ahead for it.
  func start(
    _ index: Int, _ maker: ProbeMaker, rate: UInt64, _ threads: inout Threads
  ) throws(Fault) {
    let transmitter = station.transmitters[index]
    let counters = senders[index]
    let resets = index == 0 ? self.resets : ResetQueue(capacity: 1)
    let block = maker.emptyBlock()
    let gate = self.gate
    // The generator is so fast that choosing targets is a tenth of its work.
    let isFast = transmitter.mode == .generator && (rate == 0 || rate > 1_000_000)
    let feed = isFast && placement.hasSpare ? ProbeFeed(blocks: 8, of: maker) : nil
    if let feed {
      threads.append(
        try KernelThread(name: "plan-\(transmitter.queue)", processor: placement.spare(index)) {
          feed.run(maker)
        })
    }
    threads.append(
      try KernelThread(
        name: "send-\(transmitter.queue)",
        processor: transmitter.processor ?? placement.sender(index)
      ) {
        var sender = Sender(
          transmitter: transmitter, resets: resets, counters: counters, gate: gate,
          source: feed.map { .feed($0) } ?? .own(maker), block: block, rate: rate)
        sender.run()
        feed?.stop()
      })
  }

  /// CLOCK_MONOTONIC when the last sender had finished; nil while one sends.
  var sendingFinished: UInt64? {
    var latest: UInt64 = 0
    for sender in senders {
      let finished = sender.finished.load(ordering: .acquiring)
      if finished == 0 { return nil }
      latest = max(latest, finished)
    }
    return latest
  }

  // MARK: - The loop

  private mutating func loop(
    _ signals: borrowing SignalReader, _ firstProbe: () -> Void,
    _ progress: (Progress) throws(Fault) -> Ending?
  ) throws(Fault) {
    let cooldown = job.cooldown.nanoseconds
    var nextProgress = started + 1_000_000_000
    var haltBy: UInt64?
    var hasBegun = false
    while true {
      if !hasBegun, senders.contains(where: { $0.begun.load(ordering: .acquiring) != 0 }) {
        hasBegun = true
        firstProbe()
      }
      let asked = Clock.monotonic
      let ready = poll(station.receiver.descriptor, signals.number, milliseconds: 10)
      if !ready.first { takenUntil = asked }
      // Replies for which there is no room stay in the ring.
      let isFull = writer.isFull
      let taken = ready.first && !isFull ? try takeReplies() : 0
      // Replies come one by one, and each wake-up costs more than a reply: the next ones gather for a while.
      if taken > 0 || isFull { Clock.sleep(untilMonotonic: Clock.monotonic + 1_000_000) }
      try flush(checkpoints)
      if let fault = senders.lazy.compactMap(\.fault).first { throw fault }
      while ready.second, let signal = signals.next() {
        if job.endingSignals.contains(signal) { ending = .signal(signal) }
      }
      let now = Clock.monotonic
      if let limit = job.maxRuntime, ending == nil, runtime(at: now) >= limit.nanoseconds {
        ending = .maxRuntime
      }
      if now >= nextProgress {
        let wish = try progress(try self.progress(at: now))
        ending = ending ?? wish
        nextProgress += 1_000_000_000 * max(1, (now - nextProgress) / 1_000_000_000)
      }
      if let ending {
        for sender in senders where sender.phase == .sending { sender.phase = .draining }
        // A runtime limit stops sending; replies to what was sent still count. The others stop all.
        guard ending != .maxRuntime else { if isCooled(now, cooldown) { return } else { continue } }
        let deadline = haltBy ?? now + 1_000_000_000
        haltBy = deadline
        if sendingFinished != nil || now >= deadline { return }
      } else if isCooled(now, cooldown) {
        // What has not been written is not done.
        if pause.holds(.storage) { continue }
        // What waits in the ring came in time, also where its RST has found no room yet; a flood that never ends
        // does not keep the scan alive.
        guard isCooled(takenUntil, cooldown) || isCooled(now, cooldown + 1_000_000_000) else {
          continue
        }
        if try checkpoints?.isConfirmed() ?? true { return }
      }
    }
  }

  private func isCooled(_ now: UInt64, _ cooldown: UInt64) -> Bool {
    guard let finished = sendingFinished else { return false }
    return now >= finished + cooldown
  }

  // MARK: - Receiving

  /// Bounded, for packet capture sees foreign packets too, and those never end.
  private static func discardReplies(_ receiver: any Receiver) throws(Fault) {
    for _ in 0..<1024 where try receiver.drain(limit: 256, { _ in true }) == 0 { return }
  }

  /// Takes what waits, a bounded amount so that signals are seen during a flood.
  mutating func takeReplies() throws(Fault) -> Int {
    var failed: Fault?
    // Taken out of the scan while the receiver's closure fills it.
    var replies: [Reply] = []
    swap(&replies, &self.replies)
    defer { swap(&replies, &self.replies) }
    var total = 0
    let begun = Clock.monotonic
    var isRefused = false
    while total < 16_384 {
      replies.removeAll(keepingCapacity: true)
      let resets = self.resets
      let (sourceIndex, nextHops) = (self.sourceIndex, self.nextHops)
      let taken = try station.receiver.drain(limit: Self.repliesAtOnce) { reply in
        // The RST first: a reply whose RST finds no room is left, and so reported once only.
        if reply.needsRST, let entry = Self.resetEntry(reply, sourceIndex, nextHops),
          !resets.push(entry)
        {
          isRefused = true
          return false
        }
        replies.append(reply)
        return true
      }
      if job.dedupes { table.insert(replies, &verdicts) }
      for (index, reply) in replies.enumerated() {
        let verdict = job.dedupes ? verdicts[index] : .new
        do throws(Fault) { try take(reply, verdict) } catch { failed = failed ?? error }
      }
      total += taken
      if let failed { throw failed }
      if taken == 0 {
        if !isRefused { takenUntil = begun }
        break
      }
    }
    return total
  }

  private mutating func take(_ reply: Reply, _ verdict: DedupeTable.Verdict) throws(Fault) {
    reported += 1
    if verdict == .duplicate {
      duplicates += 1
      return
    }
    if let limit = job.maxResults, writer.written >= limit {
      discarded += 1
      return
    }
    try writer.write(
      ScanResult(
        reply: reply, isRepeat: verdict == .greater, inCooldown: sendingFinished != nil,
        time: reply.time &+ clockOffset))
    if let limit = job.maxResults, writer.written >= limit, ending == nil { ending = .maxResults }
  }
}
