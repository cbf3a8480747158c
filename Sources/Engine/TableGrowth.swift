// Allocates memory for the dedupe tables and the queue of results, so that the receive thread never does.
import Kernel
import Scan
import Synchronization

/// Where one scan's table gets its new slots from.
final class TableSupply: Sendable {
  /// Growths with their slots. A segment has at most one under way, so there is always room.
  fileprivate let supplied = SwapRing<DedupeGrowth?>(places: DedupeTable.segmentCount) { nil }

  /// Returns the oldest growth that is ready.
  func next() -> DedupeGrowth? {
    var growth: DedupeGrowth?
    return supplied.take({ swap(&$0, &growth) }) ? growth : nil
  }
}

/// The queue and the loop of the thread that allocates. It waits for neither disk nor network.
final class TableGrowth: Sendable {
  private struct Request: Sendable {
    /// A growth that needs slots, or one that is done, with slots to free.
    var growth: DedupeGrowth?
    /// nil for one that is done.
    var supply: TableSupply?
  }

  private let requests = SwapRing<Request>(places: 1024) { Request() }
  private let results: ResultQueue
  private let wakeup: ConsumerWakeup
  private let isStoppedValue = Atomic<Bool>(false)

  /// Call it before the drop.
  init(_ results: ResultQueue) throws(Fault) {
    self.results = results
    wakeup = try ConsumerWakeup()
  }

  // MARK: Receive thread

  /// Whether another request would have to wait.
  var isFull: Bool { requests.isFull }

  /// Asks for a growth's slots. `isFull` must be false.
  func request(_ growth: DedupeGrowth, for supply: TableSupply) {
    _ = requests.put { $0 = Request(growth: growth, supply: supply) }
    wakeup.notify()
  }

  /// Has the slots freed that a table no longer uses. `isFull` must be false.
  func free(_ growth: inout DedupeGrowth?) {
    _ = requests.put { swap(&$0.growth, &growth) }
    wakeup.notify()
  }

  /// Has the queue of results restocked if it is short.
  func restock() {
    if results.isShort { wakeup.notify() }
  }

  // MARK: Its own thread

  /// Runs until `stop()`.
  func run() {
    while !isStoppedValue.load(ordering: .acquiring) {
      results.restock()
      while requests.take(Self.serve) {}
      wakeup.wait(milliseconds: 1000) { !requests.isEmpty || results.isShort }
    }
  }

  private static func serve(_ request: inout Request) {
    if let supply = request.supply, request.growth != nil {
      request.growth?.allocate()
      _ = supply.supplied.put { swap(&$0, &request.growth) }
    }
    request = Request()
  }

  func stop() {
    isStoppedValue.store(true, ordering: .releasing)
    wakeup.wake()
  }
  /// Prepares for another thread.
  func reset() { isStoppedValue.store(false, ordering: .releasing) }
}
