// Where a sender's probes come from: made by itself, or by a thread that works ahead.
import Kernel
import Plan
import Scan
import Synchronization
import Wire

/// Entries made ahead, and the places in the sequence that they stand for.
struct ProbeBlock {
  fileprivate(set) var entries: [TransmitEntry]
  fileprivate(set) var count = 0
  /// The place of the first probe considered, and how far on the next one of this thread is.
  fileprivate var start: UInt64 = 0
  fileprivate var step: UInt64 = 1
  /// The place behind the last one considered.
  fileprivate var end: UInt64 = 0
  /// How many probes before each entry were considered; means something only where one was left out.
  fileprivate var offsets: [UInt32]
  fileprivate var hasGaps = false
  /// Of the gate: what the scope had come to deny by then is not among the entries.
  fileprivate(set) var generation: UInt64 = 0

  fileprivate init(size: Int, at place: UInt64) {
    let entry = TransmitEntry(syn: 0, port: 0, source: 0, sourcePort: 0)
    entries = [TransmitEntry](repeating: entry, count: size)
    offsets = [UInt32](repeating: 0, count: size)
    end = place
  }

  /// All of the thread's probes below this place stand before entry number `index`, or were left out.
  func place(of index: Int) -> UInt64 {
    guard index < count else { return end }
    return start + step * UInt64(hasGaps ? Int(offsets[index]) : index)
  }

  /// Leaves out those from entry number `first` on whose addresses are in a set, and says how many.
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

/// Makes transmit entries out of one thread's share of the probes. Allocates before the scan, not in it.
struct ProbeMaker {
  private let counters: SenderCounters
  private let selection: SourceSelection
  private let nextHops: NextHops
  private let gate: ScopeGate
  private var denied = DeniedProbes()
  private var cursor: ProbeSequence.Cursor
  private var probes: [Probe]

  /// - Parameter block: entries to make at a time.
  init(
    counters: SenderCounters, selection: SourceSelection, nextHops: NextHops, gate: ScopeGate,
    cursor: ProbeSequence.Cursor, block: Int
  ) {
    self.counters = counters
    self.gate = gate
    self.selection = selection
    self.nextHops = nextHops
    self.cursor = cursor
    let target = Target(IPv4Address(0), Port(0))
    probes = [Probe](repeating: Probe(target, pass: 0), count: block)
  }

  /// A block for `fill`.
  func emptyBlock() -> ProbeBlock { ProbeBlock(size: probes.count, at: cursor.position) }

  /// Replaces a block's entries by the next ones. Where none of many in a row may be sent it comes back with
  /// nothing, for its caller has other things to see to.
  mutating func fill(_ block: inout ProbeBlock) -> ProbeFeed.Taken {
    denied.update(from: gate)
    for _ in 0..<16 {
      block.start = cursor.position
      let count = Self.take(&probes, from: &cursor)
      block.count = convert(count, into: &block.entries, &block.offsets)
      block.hasGaps = !nextHops.isAllRemote
      block.step = cursor.step
      block.end = cursor.position
      block.generation = 0
      denied.remove(from: &block, 0, counters)
      if count == 0 { return .end }
      if block.count > 0 { return .entries }
    }
    return .nothing
  }

  private func convert(
    _ count: Int, into array: inout [TransmitEntry], _ offsets: inout [UInt32]
  ) -> Int {
    var entries = array.mutableSpan
    let probes = self.probes.span
    let selection = self.selection
    let isAllRemote = nextHops.isAllRemote
    var filled = 0
    for index in 0..<count {
      let probe = probes[index]
      guard let hop = isAllRemote ? 0 : nextHops.index(of: probe.address.value) else {
        if probe.pass == 0 { counters.unresolved.add(1, ordering: .relaxed) }
        continue
      }
      let (source, port) = selection.choose(
        destination: probe.address.value, port: probe.port.value, pass: UInt64(probe.pass))
      entries[filled] = TransmitEntry(
        syn: probe.address.value, port: probe.port.value, source: source, sourcePort: port,
        nextHop: hop)
      if !isAllRemote { offsets[filled] = UInt32(index) }
      filled += 1
    }
    return filled
  }

  private static func take(_ probes: inout [Probe], from cursor: inout ProbeSequence.Cursor) -> Int {
    var span = probes.mutableSpan
    return cursor.next(into: &span)
  }
}

/// What the scope came to deny since the job began, as one thread has last seen it.
struct DeniedProbes {
  /// Of the gate.
  private var generation: UInt64 = 0
  private var filter: AddressFilter?

  /// True if there is something new.
  @discardableResult
  mutating func update(from gate: ScopeGate) -> Bool {
    let now = gate.generation
    if now == generation { return false }
    generation = now
    filter = gate.denied
    return true
  }

  /// Leaves out those from entry number `first` on that may not be sent any more, and counts them. Does nothing
  /// to a block that it was done to already.
  func remove(from block: inout ProbeBlock, _ first: Int, _ counters: SenderCounters) {
    guard let filter, block.generation < generation else { return }
    counters.denied.add(UInt64(block.remove(filter, from: first)), ordering: .relaxed)
    block.generation = generation
  }
}

/// Blocks of entries on their way from a thread that makes them to the one that sends them. The blocks
/// change hands by swapping, so nothing is copied or allocated.
final class ProbeFeed: Sendable {
  private struct State {
    var blocks: [ProbeBlock]
    var first = 0
    var used = 0
    var isEnded = false
  }

  private let state: Mutex<State>
  private let isStopped = Atomic<Bool>(false)

  init(blocks: Int, of maker: borrowing ProbeMaker) {
    let empty = (0..<blocks).map { _ in maker.emptyBlock() }
    state = Mutex(State(blocks: empty))
  }

  enum Taken {
    /// A block of entries.
    case entries
    /// Nothing yet.
    case nothing
    /// Nothing any more.
    case end
  }

  /// Takes the next block in exchange for one that is used up.
  func take(_ block: inout ProbeBlock) -> Taken {
    state.withLock { state in
      guard state.used > 0 else { return state.isEnded ? .end : .nothing }
      swap(&block, &state.blocks[state.first])
      state.first = (state.first + 1) % state.blocks.count
      state.used -= 1
      return .entries
    }
  }

  /// Nobody takes blocks any more.
  func stop() { isStopped.store(true, ordering: .releasing) }

  /// Makes blocks until there are no more probes, or nobody wants them.
  func run(_ maker: consuming ProbeMaker) {
    var block = maker.emptyBlock()
    while !isStopped.load(ordering: .acquiring) {
      switch maker.fill(&block) {
      case .end: return state.withLock { $0.isEnded = true }
      case .nothing: continue
      case .entries:
        while !offer(&block) {
          if isStopped.load(ordering: .acquiring) { return }
          // Several blocks lie ready: a fraction of the time that they last.
          Clock.sleep(untilMonotonic: Clock.monotonic + 300_000)
        }
      }
    }
  }

  private func offer(_ block: inout ProbeBlock) -> Bool {
    state.withLock { state in
      guard state.used < state.blocks.count else { return false }
      let place = (state.first + state.used) % state.blocks.count
      swap(&block, &state.blocks[place])
      state.used += 1
      return true
    }
  }
}

/// A sender's supply.
enum ProbeSource {
  case own(ProbeMaker)
  case feed(ProbeFeed)

  /// Replaces a block that is used up.
  mutating func next(_ block: inout ProbeBlock) -> ProbeFeed.Taken {
    switch consume self {
    case .own(var maker):
      let taken = maker.fill(&block)
      self = .own(maker)
      return taken
    case .feed(let feed):
      self = .feed(feed)
      return feed.take(&block)
    }
  }
}
