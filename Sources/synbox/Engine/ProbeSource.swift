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
  /// How many probes before each entry were considered; empty where none was skipped.
  fileprivate var offsets: [UInt32] = []

  /// All of the thread's probes below this place stand before entry number `index`.
  func place(of index: Int) -> UInt64 {
    guard index < count else { return end }
    return start + step * UInt64(offsets.isEmpty ? index : Int(offsets[index]))
  }
}

/// Makes transmit entries out of one thread's share of the probes. Allocates before the scan, not in it.
struct ProbeMaker {
  private let counters: SenderCounters
  private let selection: SourceSelection
  private let nextHops: NextHops
  private var cursor: ProbeSequence.Cursor
  private var probes: [Probe]

  /// - Parameter block: entries to make at a time.
  init(
    counters: SenderCounters, selection: SourceSelection, nextHops: NextHops,
    cursor: ProbeSequence.Cursor, block: Int
  ) {
    self.counters = counters
    self.selection = selection
    self.nextHops = nextHops
    self.cursor = cursor
    let target = Target(IPv4Address(0), Port(0))
    probes = [Probe](repeating: Probe(target, pass: 0), count: block)
  }

  /// A block for `fill`.
  func emptyBlock() -> ProbeBlock {
    let entry = TransmitEntry(syn: 0, port: 0, source: 0, sourcePort: 0)
    var block = ProbeBlock(entries: [TransmitEntry](repeating: entry, count: probes.count))
    block.end = cursor.position
    if !nextHops.isAllRemote { block.offsets = [UInt32](repeating: 0, count: probes.count) }
    return block
  }

  /// Replaces a block's entries by the next ones; false at the end.
  mutating func fill(_ block: inout ProbeBlock) -> Bool {
    while true {
      block.start = cursor.position
      let count = Self.take(&probes, from: &cursor)
      block.count = convert(count, into: &block.entries, &block.offsets)
      block.step = cursor.step
      block.end = cursor.position
      if block.count > 0 || count == 0 { return count > 0 }
    }
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
      guard maker.fill(&block) else { break }
      while !offer(&block) {
        if isStopped.load(ordering: .acquiring) { return }
        // Several blocks lie ready: a fraction of the time that they last.
        Clock.sleep(untilMonotonic: Clock.monotonic + 300_000)
      }
    }
    state.withLock { $0.isEnded = true }
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
      let isFilled = maker.fill(&block)
      self = .own(maker)
      return isFilled ? .entries : .end
    case .feed(let feed):
      self = .feed(feed)
      return feed.take(&block)
    }
  }
}
