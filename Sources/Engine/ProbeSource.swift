// Supplies a sender with entries: built by the sender itself, or ahead of time by a planning thread.
import Kernel
import Plan
import Scan
import Synchronization
import Wire

/// Entries built ahead, with the positions they come from.
struct ProbeBlock {
  fileprivate(set) var entries: [TransmitEntry]
  fileprivate(set) var count = 0
  /// The position of the first probe considered, and the distance to this thread's next one.
  fileprivate var start: UInt64 = 0
  fileprivate var step: UInt64 = 1
  /// The position after the last one considered.
  fileprivate var end: UInt64 = 0
  /// For each entry, the number of probes considered before it. Valid only if `hasGaps`.
  fileprivate var offsets: [UInt32]
  fileprivate var hasGaps = false
  /// The gate's generation up to which denied addresses have been removed.
  fileprivate(set) var generation: UInt64 = 0

  fileprivate init(size: Int, at position: UInt64) {
    entries = [TransmitEntry](repeating: .empty, count: size)
    offsets = [UInt32](repeating: 0, count: size)
    end = position
  }

  /// Returns the position of entry `index`. Every earlier probe of this thread precedes the entry or was skipped.
  func position(of index: Int) -> UInt64 {
    guard index < count else { return end }
    return start + step * UInt64(hasGaps ? Int(offsets[index]) : index)
  }

  /// Removes the entries from index `first` on whose addresses are in `filter`; returns how many.
  fileprivate mutating func remove(_ filter: AddressFilter, from first: Int) -> Int {
    guard first < count else { return 0 }
    if !hasGaps { for index in 0..<count { offsets[index] = UInt32(index) } }
    hasGaps = true
    var kept = first
    for index in first..<count where !filter.contains(IPv4Address(entries[index].destination)) {
      entries[kept] = entries[index]
      offsets[kept] = offsets[index]
      kept += 1
    }
    defer { count = kept }
    return count - kept
  }
}

/// What became of a request for the next block.
enum BlockSupply {
  /// The block holds at least one entry.
  case filled
  /// There is no entry yet. Ask again.
  case pending
  /// There are no more probes.
  case exhausted
}

/// Builds the entries of one thread's share of the probes. Allocates before the scan, not during it.
struct ProbeBuilder {
  private let counters: SenderCounters
  private let maker: EntryMaker
  private let nextHops: NextHops
  private let gate: ScopeGate
  private var denied = DeniedProbes()
  private var cursor: ProbeSequence.Cursor
  private var probes: [Probe]

  /// Blocks in a row without a single entry before `fill` returns.
  private static let maxEmptyBlocks = 16

  /// - Parameter block: The number of entries in a block.
  init(
    counters: SenderCounters, maker: EntryMaker, nextHops: NextHops, gate: ScopeGate,
    cursor: ProbeSequence.Cursor, block: Int
  ) {
    self.counters = counters
    self.gate = gate
    self.maker = maker
    self.nextHops = nextHops
    self.cursor = cursor
    let target = Target(IPv4Address(0), Port(0))
    probes = [Probe](repeating: Probe(target, pass: 0), count: block)
  }

  /// Returns an empty block to pass to `fill`.
  func emptyBlock() -> ProbeBlock { ProbeBlock(size: probes.count, at: cursor.position) }

  /// Replaces a block's entries by the next ones.
  ///
  /// Returns `pending` if a long run of probes may not be sent, because the caller also has replies, RSTs and
  /// signals to see to.
  mutating func fill(_ block: inout ProbeBlock) -> BlockSupply {
    denied.update(from: gate)
    for _ in 0..<Self.maxEmptyBlocks {
      block.start = cursor.position
      let count = Self.next(&probes, from: &cursor)
      block.count = build(count, into: &block.entries, &block.offsets)
      block.hasGaps = !nextHops.isAllRemote
      block.step = cursor.step
      block.end = cursor.position
      block.generation = 0
      denied.remove(from: &block, 0, counters)
      if count == 0 { return .exhausted }
      if block.count > 0 { return .filled }
    }
    return .pending
  }

  private func build(
    _ count: Int, into array: inout [TransmitEntry], _ offsets: inout [UInt32]
  ) -> Int {
    var entries = array.mutableSpan
    let probes = self.probes.span
    let maker = self.maker
    let isAllRemote = nextHops.isAllRemote
    var filled = 0
    for index in 0..<count {
      let probe = probes[index]
      guard let hop = isAllRemote ? 0 : nextHops.index(of: probe.address.value) else {
        if probe.pass == 0 { counters.unresolved.add(1, ordering: .relaxed) }
        continue
      }
      entries[filled] = maker.entry(
        destination: probe.address.value, port: probe.port.value, pass: probe.pass, nextHop: hop)
      if !isAllRemote { offsets[filled] = UInt32(index) }
      filled += 1
    }
    return filled
  }

  private static func next(_ probes: inout [Probe], from cursor: inout ProbeSequence.Cursor) -> Int {
    var span = probes.mutableSpan
    return cursor.next(into: &span)
  }
}

/// One thread's copy of what the scope has come to deny since the job began.
struct DeniedProbes {
  /// The gate's generation that `filter` belongs to.
  private var generation: UInt64 = 0
  private var filter: AddressFilter?

  /// Copies the gate's filter if it has changed; returns whether it has.
  @discardableResult
  mutating func update(from gate: ScopeGate) -> Bool {
    let current = gate.generation
    if current == generation { return false }
    generation = current
    filter = gate.denied
    return true
  }

  /// Returns whether an address has come to be denied.
  func contains(_ address: IPv4Address) -> Bool { filter?.contains(address) ?? false }

  /// Removes the entries from index `first` on that are now denied, and counts them. Does nothing if the block
  /// has been checked against this filter before.
  func remove(from block: inout ProbeBlock, _ first: Int, _ counters: SenderCounters) {
    guard let filter, block.generation < generation else { return }
    counters.denied.add(UInt64(block.remove(filter, from: first)), ordering: .relaxed)
    block.generation = generation
  }
}

/// A bounded queue of blocks from a planning thread to its sender. Blocks change hands by swapping, so that
/// nothing is copied or allocated.
final class ProbeFeed: Sendable {
  private struct State {
    var blocks: [ProbeBlock]
    var first = 0
    var used = 0
    var isExhausted = false
  }

  private let state: Mutex<State>
  private let isStopped = Atomic<Bool>(false)

  init(blocks: Int, of builder: borrowing ProbeBuilder) {
    let empty = (0..<blocks).map { _ in builder.emptyBlock() }
    state = Mutex(State(blocks: empty))
  }

  /// Exchanges a used block for the next one.
  func next(_ block: inout ProbeBlock) -> BlockSupply {
    state.withLock { state in
      guard state.used > 0 else { return state.isExhausted ? .exhausted : .pending }
      swap(&block, &state.blocks[state.first])
      state.first = (state.first + 1) % state.blocks.count
      state.used -= 1
      return .filled
    }
  }

  /// Ends `run`: the sender has ended.
  func stop() { isStopped.store(true, ordering: .releasing) }

  /// Builds blocks until the probes are exhausted, or until `stop` is called.
  func run(_ builder: consuming ProbeBuilder) {
    var block = builder.emptyBlock()
    while !isStopped.load(ordering: .acquiring) {
      switch builder.fill(&block) {
      case .exhausted: return state.withLock { $0.isExhausted = true }
      case .pending: continue
      case .filled:
        while !append(&block) {
          if isStopped.load(ordering: .acquiring) { return }
          // Short beside the time for which the queued blocks last.
          Clock.sleep(untilMonotonic: Clock.monotonic + 300_000)
        }
      }
    }
  }

  /// Returns false if the queue is full.
  private func append(_ block: inout ProbeBlock) -> Bool {
    state.withLock { state in
      guard state.used < state.blocks.count else { return false }
      let index = (state.first + state.used) % state.blocks.count
      swap(&block, &state.blocks[index])
      state.used += 1
      return true
    }
  }
}

/// Where a sender gets its blocks.
enum ProbeSource {
  /// The sender builds them itself.
  case builder(ProbeBuilder)
  /// A planning thread builds them ahead.
  case feed(ProbeFeed)

  /// Replaces a used block by the next one.
  mutating func next(_ block: inout ProbeBlock) -> BlockSupply {
    switch consume self {
    case .builder(var builder):
      let supply = builder.fill(&block)
      self = .builder(builder)
      return supply
    case .feed(let feed):
      self = .feed(feed)
      return feed.next(&block)
    }
  }
}
