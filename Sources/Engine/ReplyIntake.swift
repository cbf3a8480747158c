// One scan's replies on the receive thread: duplicates are found, results are made.
import Scan
import Wire

/// The receive thread's own state of one scan.
struct ReplyIntake: Sendable {
  let intake: Intake
  /// Replies taken from the receiver, not yet looked at. Some stay if the table must grow first.
  var batch: [Reply] = []
  var counts = ReceiveCounts()
  /// When the thread first saw that the scan is to be closed.
  var closingSince: UInt64?
  private var check: ReplyCheck
  private var table: DedupeTable
  private var verdicts: [DedupeTable.Verdict] = []
  private var results = ResultQueue.emptyChunk()
  private let growth: TableGrowth
  private let supply = TableSupply()
  /// Growths that the table waits for.
  private var growthsUnderWay = 0
  /// Evictions while the table was rebuilt from the journal. The processes that wrote it counted them.
  private let evictionsBefore: UInt64

  init(
    _ intake: Intake, check: ReplyCheck, table: DedupeTable, growth: TableGrowth, capacity: Int = 256
  ) {
    self.intake = intake
    self.check = check
    self.table = table
    self.table.growsItself = false
    self.growth = growth
    evictionsBefore = table.evictions
    batch.reserveCapacity(capacity)
    verdicts.reserveCapacity(capacity)
  }

  /// Whether replies have to wait: no more results fit, or the table must grow.
  var isFull: Bool { results.count >= ResultQueue.chunkSize || !batch.isEmpty }
  /// Whether all replies taken were looked at, and their results passed on.
  var isPublished: Bool { results.isEmpty && batch.isEmpty }

  /// Returns whether a reply answers a probe that the scan can have sent, and counts it otherwise.
  mutating func believes(_ reply: Reply) -> Bool { check.believes(reply, &counts) }

  /// Returns whether a reply may draw an RST, and counts it otherwise.
  mutating func allowsReset(_ reply: Reply) -> Bool { check.allowsReset(reply, &counts) }

  /// Returns nil if the reply went to none of our addresses, or if its sender has no next hop.
  func resetEntry(_ reply: Reply, _ sources: ResetSources) -> TransmitEntry? {
    guard let source = sources.index(of: reply.destination),
      let hop = intake.nextHops.index(of: reply.source.value)
    else { return nil }
    return TransmitEntry(
      rst: reply.source.value, port: reply.sourcePort.value, source: source,
      sourcePort: reply.destinationPort.value, sequenceNumber: reply.acknowledgmentNumber, nextHop: hop,
      sums: sources.sums[Int(source)])
  }

  /// Makes results of the replies in `batch`, of all that the table takes.
  mutating func takeBatch() {
    guard !batch.isEmpty else { return }
    if intake.dedupes { insertBatch() }
    let count = intake.dedupes ? verdicts.count : batch.count
    let inCooldown = intake.sendingFinished != nil
    for (index, reply) in batch.prefix(count).enumerated() {
      counts.reported += 1
      let verdict = intake.dedupes ? verdicts[index] : .new
      if verdict == .duplicate {
        counts.duplicates += 1
      } else if let limit = intake.resultsLimit, counts.results >= limit {
        counts.discarded += 1
      } else {
        counts.results += 1
        results.append(
          ScanResult(
            reply: reply, isRepeat: verdict == .greater, inCooldown: inCooldown,
            time: reply.time &+ intake.clockOffset))
      }
    }
    counts.evictions = table.evictions - evictionsBefore
    intake.tableBytes = table.bytes
    if count == batch.count { batch.removeAll(keepingCapacity: true) } else { batch.removeFirst(count) }
  }

  /// Finds duplicates. Memory for the table comes from another thread, because allocating may wait.
  private mutating func insertBatch() {
    while growthsUnderWay > 0, !growth.isFull, var ready = supply.next() {
      table.grow(by: &ready)
      growthsUnderWay -= 1
      var old: DedupeGrowth? = consume ready
      growth.free(&old)
    }
    table.insert(batch, &verdicts)
    while !growth.isFull, let wanted = table.nextGrowth() {
      growthsUnderWay += 1
      growth.request(wanted, for: supply)
    }
  }

  /// Passes results to the writer thread, if there are many or if it has nothing to do, and shows the counts.
  mutating func publish(to queue: ResultQueue, _ drainedUntil: UInt64) {
    counts.drainedUntil = drainedUntil
    if !results.isEmpty, isFull || queue.isEmpty || intake.isClosing {
      _ = queue.publish(&results, to: intake.sink, counts)
      growth.restock()
    }
    intake.counts.store(counts)
  }
}
