// The receive thread: takes replies, queues their RSTs, finds duplicates, and passes results on. It does nothing else.
import Datapath
import Kernel
import Scan
import Synchronization
import Wire

/// What the receive thread shares with the control thread.
final class ReceiveLoop: Sendable {
  let receiver: any Receiver
  let resets: ResetQueue
  let results: ResultQueue
  let sources: ResetSources
  /// Scans that begin.
  private let arrivals = SwapRing<ReplyIntake?>(places: 128) { nil }
  private let isStoppedValue = Atomic<Bool>(false)
  fileprivate let wakeup: Wakeup
  private let failure = Mutex<Fault?>(nil)

  /// Call it before the drop.
  init(
    _ receiver: any Receiver, resets: ResetQueue, results: ResultQueue, sources: [IPv4Address]
  ) throws(Fault) {
    wakeup = try Wakeup()
    self.receiver = receiver
    self.resets = resets
    self.results = results
    self.sources = ResetSources(sources)
  }

  /// Passes a scan to the receive thread.
  func add(_ scan: ReplyIntake) throws(Fault) {
    guard arrivals.put({ $0 = scan }) else { throw Fault("the receive thread takes no more scans") }
  }

  /// Moves the scans that were added to `scans`.
  fileprivate func takeArrivals(into scans: inout [ReplyIntake]) {
    while arrivals.take({ if let scan = $0.take() { scans.append(scan) } }) {}
  }

  /// Returns the index of the scan that a reply belongs to; nil if that has failed.
  ///
  /// A scan is added before its first probe leaves, so a reply for an unknown one means that it was added since the
  /// thread last looked.
  fileprivate func index(of reply: Reply, in scans: inout [ReplyIntake]) -> Int? {
    if let index = scans.firstIndex(where: { $0.intake.slot == reply.slot }) { return index }
    takeArrivals(into: &scans)
    return scans.firstIndex { $0.intake.slot == reply.slot }
  }

  var isStopped: Bool { isStoppedValue.load(ordering: .acquiring) }
  func stop() {
    isStoppedValue.store(true, ordering: .releasing)
    wake()
  }
  /// Makes the thread look at once for what has changed.
  func wake() { wakeup.signal() }
  /// Prepares for another thread.
  func reset() { isStoppedValue.store(false, ordering: .releasing) }

  /// Why the thread ended early.
  var fault: Fault? { failure.withLock(\.self) }

  /// Runs until `stop()`.
  func run() {
    var thread = ReceiveThread(self)
    do throws(Fault) {
      while !isStopped { try thread.step() }
    } catch {
      failure.withLock { $0 = error }
    }
  }
}

/// The thread's own state.
private struct ReceiveThread {
  private let loop: ReceiveLoop
  private var scans: [ReplyIntake] = []
  /// RSTs that are still to be queued.
  private var resets = ResetQueue.emptyChunk()
  private var isBackedUp = false
  /// Whether the queue of RSTs had no room for the last reply.
  private var isResetQueueFull = false
  /// All replies that arrived before this time were taken.
  private var drainedUntil: UInt64 = 0
  /// Replies taken in one call.
  private static let drainLimit = 256
  /// Replies taken before the thread looks at anything else.
  private static let roundLimit = 16_384
  /// Milliseconds for which the thread waits for replies, and those for which it waits while something else is to come.
  private static let waits = (idle: 50, expecting: 10)
  /// Below this many replies in a round, the next round may be later.
  private static let few = 512

  init(_ loop: ReceiveLoop) {
    self.loop = loop
    scans.reserveCapacity(128)
    loop.takeArrivals(into: &scans)
  }

  mutating func step() throws(Fault) {
    // Replies wait in the event ring while the writer thread has no room for their results.
    let isFull = scans.contains(where: \.isFull)
    let pollTime = Clock.monotonic
    let isExpecting = isBackedUp || scans.contains { $0.closingSince != nil }
    let (isReady, isWoken) = poll(
      loop.receiver.descriptor, loop.wakeup.number,
      milliseconds: isExpecting ? Self.waits.expecting : Self.waits.idle)
    if isWoken { loop.wakeup.wait(milliseconds: 0) }
    loop.takeArrivals(into: &scans)
    let isClosing = noteClosing(at: Clock.monotonic)
    if !isReady, !isFull { drainedUntil = pollTime }
    let received = (isReady || isClosing) && !isFull ? try receive() : 0
    publish()
    if isClosing { removeClosed() }
    // A wake-up costs more than a few replies, so let some gather.
    guard received > 0 || isFull else { return }
    let wait: UInt64 = received < Self.few && !isFull && !isClosing ? 3_000_000 : 1_000_000
    Clock.sleep(untilMonotonic: Clock.monotonic + wait)
  }

  /// Takes the replies that wait; returns how many. Bounded, so that a flood does not delay the rest.
  private mutating func receive() throws(Fault) -> Int {
    var total = 0
    let begun = Clock.monotonic
    while total < Self.roundLimit, !scans.contains(where: \.isFull) {
      // Moved out of `self`, because the receiver's closure fills it.
      var scans: [ReplyIntake] = []
      swap(&scans, &self.scans)
      defer { swap(&scans, &self.scans) }
      var resets: [TransmitEntry] = []
      swap(&resets, &self.resets)
      defer { swap(&resets, &self.resets) }
      let loop = self.loop
      var isFull = false
      let received = try loop.receiver.drain(limit: Self.drainLimit) { reply in
        guard let index = loop.index(of: reply, in: &scans) else { return true }
        guard scans[index].believes(reply) else { return true }
        // The RST is queued first. If there is no room, the reply stays in the ring, so that it is reported once.
        if reply.needsRST, let entry = scans[index].resetEntry(reply, loop.sources) {
          guard resets.count < ResetQueue.chunkSize else {
            isFull = true
            return false
          }
          if scans[index].allowsReset(reply) {
            resets.append(entry)
            scans[index].counts.resets += 1
          }
        }
        scans[index].batch.append(reply)
        return true
      }
      isResetQueueFull = isFull
      loop.resets.publish(&resets)
      for index in scans.indices {
        scans[index].takeBatch()
        scans[index].publish(to: loop.results, drainedUntil)
      }
      total += received
      if received == 0 {
        if !isResetQueueFull { drainedUntil = begun }
        break
      }
    }
    return total
  }

  /// Passes results on and shows the counts.
  private mutating func publish() {
    loop.resets.publish(&resets)
    for index in scans.indices {
      scans[index].takeBatch()
      scans[index].publish(to: loop.results, drainedUntil)
    }
    if isBackedUp != (isBackedUp ? !loop.results.isNearlyEmpty : loop.results.isHalfFull) {
      isBackedUp.toggle()
      for scan in scans { scan.intake.pause.isBackedUp = isBackedUp }
    }
  }

  /// Returns whether a scan is being closed.
  private mutating func noteClosing(at time: UInt64) -> Bool {
    var isAny = false
    for index in scans.indices where scans[index].intake.isClosing {
      isAny = true
      scans[index].closingSince = scans[index].closingSince ?? time
    }
    return isAny
  }

  /// Forgets the scans whose last replies were taken and passed on.
  private mutating func removeClosed() {
    let now = Clock.monotonic
    for index in scans.indices.reversed() where mayRemove(scans[index], at: now) {
      var scan: ReplyIntake? = scans.remove(at: index)
      guard let intake = scan?.intake else { continue }
      // Freeing it takes time, which another thread has.
      _ = intake.remains.put { swap(&$0, &scan) }
      intake.isClosed = true
    }
  }

  private func mayRemove(_ scan: ReplyIntake, at now: UInt64) -> Bool {
    guard let since = scan.closingSince, scan.isPublished, resets.isEmpty else { return false }
    // An endless flood of other packets must not keep it. A slow sender may: each reply is owed its RST.
    return drainedUntil >= since || !isResetQueueFull && now - since > 1_000_000_000
  }
}
