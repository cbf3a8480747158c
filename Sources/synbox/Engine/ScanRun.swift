// Runs one scan on an open station: senders on threads of their own, replies and signals on the calling thread.
import Datapath
import Kernel
import NIC
import Plan
import Scan
import Spool
import Synchronization
import Wire

/// One scan. The process must be confined before it runs.
struct ScanRun: ~Copyable {
  let station: Station
  let job: JobSettings
  let nextHops: NextHops
  let senders: [SenderCounters]
  let resets: ResetQueue
  let sourceIndex: [IPv4Address: UInt16]
  var writer: ResultWriter
  private(set) var table: DedupeTable
  /// The receiver's counts when this scan began.
  let fatesBefore: FateCounts
  /// CLOCK_REALTIME minus CLOCK_MONOTONIC, nanoseconds, for the events' timestamps.
  let clockOffset: UInt64
  /// CLOCK_MONOTONIC, nanoseconds, as are all times here.
  let startTime: UInt64
  let usageBefore: ResourceUsage
  /// nil for a scan that cannot be resumed.
  let checkpointer: Checkpointer?
  /// The addresses that the senders must not probe, and the faults that stop them altogether.
  let gate: ScopeGate
  var pause: Pause { gate.pause }
  /// Evictions while the table was rebuilt from the journal. The processes that wrote it counted them.
  let evictionsBefore: UInt64

  /// Replies received. Each becomes a result, is a duplicate, or is discarded.
  private(set) var reported: UInt64 = 0
  private(set) var duplicates: UInt64 = 0
  private(set) var discarded: UInt64 = 0
  private(set) var ending: Ending?
  /// All replies that arrived before this time were received.
  private(set) var drainedUntil: UInt64 = 0
  /// When to retry results that could not be written.
  var nextFlush: UInt64 = 0
  let placement: ThreadPlacement
  /// Buffers of `receiveReplies`, kept so that it does not allocate.
  private var replies: [Reply] = []
  private var verdicts: [DedupeTable.Verdict] = []
  /// Replies drained from the receiver in one call.
  private static let drainLimit = 256

  /// - Parameter checkpointer: The job's, for a scan that can be resumed. If it has a checkpoint, the scan resumes
  ///   there.
  init(
    _ job: JobSettings, on station: Station, nextHops: NextHops, writer: consuming ResultWriter,
    checkpointer: Checkpointer? = nil
  ) throws(Fault) {
    // Late replies to an earlier scan may wait in the ring. With the new key, no more are accepted.
    station.receiver.setKey(job.key)
    try Self.discardReplies(station.receiver)
    let fatesBefore = try station.receiver.fates()
    let table = try Self.table(job, checkpointer)
    self.fatesBefore = fatesBefore
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
    self.checkpointer = checkpointer
    replies.reserveCapacity(Self.drainLimit)
    verdicts.reserveCapacity(Self.drainLimit)
    startTime = Clock.monotonic
    clockOffset = Clock.realtime &- startTime
    usageBefore = .current
  }

  /// Runs the scan to its end.
  ///
  /// - Parameters:
  ///   - signals: The job's `endingSignals` among these end the scan with its results saved.
  ///   - firstProbe: Called once the first probe was submitted.
  ///   - progress: Called about once a second. A return value other than nil ends the scan with its results saved.
  consuming func run(
    signals: borrowing SignalReader, firstProbe: () -> Void = {},
    progress: (Progress) throws(Fault) -> Ending?
  ) throws(Fault) -> (summary: Summary, last: Progress, ending: Ending) {
    var threads = try startSenders()
    var failure: Fault?
    do throws(Fault) {
      try onProcessor(placement.receiver) { () throws(Fault) in
        try loop(signals, firstProbe, progress)
      }
    } catch {
      failure = error
    }
    for sender in senders { sender.phase = .ended }
    while let thread = threads.popLast() { thread.join() }
    checkpointer?.join()
    if let failure { throw failure }
    if let fault = senders.lazy.compactMap(\.fault).first { throw fault }
    try receiveRemainingReplies()
    let last = try self.progress(at: Clock.monotonic)
    if let ending, ending.isResumable, let checkpointer {
      try saveFinalCheckpoint(checkpointer)
    } else {
      try writer.sync()
    }
    return (try summary(), last, ending ?? .done)
  }

  // MARK: - Main loop

  private mutating func loop(
    _ signals: borrowing SignalReader, _ firstProbe: () -> Void,
    _ progress: (Progress) throws(Fault) -> Ending?
  ) throws(Fault) {
    let cooldown = job.cooldown.nanoseconds
    var nextProgress = startTime + 1_000_000_000
    var stopDeadline: UInt64?
    var hasSentProbe = false
    while true {
      if !hasSentProbe, senders.contains(where: { $0.firstProbeTime.load(ordering: .acquiring) != 0 }) {
        hasSentProbe = true
        firstProbe()
      }
      let pollTime = Clock.monotonic
      let ready = poll(station.receiver.descriptor, signals.number, milliseconds: 10)
      if !ready.first { drainedUntil = pollTime }
      // Replies that the writer has no room for stay in the ring.
      let isFull = writer.isFull
      let received = ready.first && !isFull ? try receiveReplies() : 0
      // A wake-up costs more than a reply, so let some gather.
      if received > 0 || isFull { Clock.sleep(untilMonotonic: Clock.monotonic + 1_000_000) }
      try flush(checkpointer)
      if let fault = senders.lazy.compactMap(\.fault).first { throw fault }
      while ready.second, let signal = signals.next() {
        if job.endingSignals.contains(signal) { ending = .signal(signal) }
      }
      let now = Clock.monotonic
      if let limit = job.maxRuntime, ending == nil, runtime(at: now) >= limit.nanoseconds {
        ending = .maxRuntime
      }
      if now >= nextProgress {
        let requestedEnding = try progress(try self.progress(at: now))
        ending = ending ?? requestedEnding
        nextProgress += 1_000_000_000 * max(1, (now - nextProgress) / 1_000_000_000)
      }
      if let ending {
        for sender in senders where sender.phase == .sending { sender.phase = .draining }
        // The runtime limit ends the sending and leaves time for replies. All other endings stop the scan.
        guard ending != .maxRuntime else {
          if isCooldownOver(at: now, cooldown) { return } else { continue }
        }
        let deadline = stopDeadline ?? now + 1_000_000_000
        stopDeadline = deadline
        if sendingFinished != nil || now >= deadline { return }
      } else if isCooldownOver(at: now, cooldown) {
        // Some results are not written yet.
        if pause.isActive(for: .storage) { continue }
        // Replies in the ring arrived in time, even if the queue has no room for their RSTs yet. The second
        // condition keeps an endless flood from keeping the scan alive.
        guard
          isCooldownOver(at: drainedUntil, cooldown)
            || isCooldownOver(at: now, cooldown + 1_000_000_000)
        else { continue }
        if try checkpointer?.isLinkIntact() ?? true { return }
      }
    }
  }

  private func isCooldownOver(at now: UInt64, _ cooldown: UInt64) -> Bool {
    guard let finished = sendingFinished else { return false }
    return now >= finished + cooldown
  }

  // MARK: - Receiving

  /// Bounded, because packet capture also sees packets of others, which never end.
  private static func discardReplies(_ receiver: any Receiver) throws(Fault) {
    for _ in 0..<1024 where try receiver.drain(limit: 256, { _ in true }) == 0 { return }
  }

  /// Receives the replies that wait; returns how many. Bounded, so that a flood does not delay signals.
  mutating func receiveReplies() throws(Fault) -> Int {
    var failure: Fault?
    // Moved out of `self`, because the receiver's closure fills it.
    var replies: [Reply] = []
    swap(&replies, &self.replies)
    defer { swap(&replies, &self.replies) }
    var total = 0
    let begun = Clock.monotonic
    var isResetQueueFull = false
    while total < 16_384 {
      replies.removeAll(keepingCapacity: true)
      let resets = self.resets
      let (sourceIndex, nextHops) = (self.sourceIndex, self.nextHops)
      let received = try station.receiver.drain(limit: Self.drainLimit) { reply in
        // The RST is queued first. If there is no room, the reply stays in the ring, so that it is reported once.
        if reply.needsRST, let entry = Self.resetEntry(reply, sourceIndex, nextHops),
          !resets.push(entry)
        {
          isResetQueueFull = true
          return false
        }
        replies.append(reply)
        return true
      }
      if job.dedupes { table.insert(replies, &verdicts) }
      for (index, reply) in replies.enumerated() {
        let verdict = job.dedupes ? verdicts[index] : .new
        do throws(Fault) { try record(reply, verdict) } catch { failure = failure ?? error }
      }
      total += received
      if let failure { throw failure }
      if received == 0 {
        if !isResetQueueFull { drainedUntil = begun }
        break
      }
    }
    return total
  }

  /// Counts a reply, and writes its result unless it is a duplicate or beyond the limit.
  private mutating func record(_ reply: Reply, _ verdict: DedupeTable.Verdict) throws(Fault) {
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
