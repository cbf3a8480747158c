// Where a sender's probes come from: made by itself, or by a thread that works ahead.
import Kernel
import Plan
import Scan
import Synchronization
import Wire

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

  /// An array for `fill`.
  func emptyBlock() -> [TransmitEntry] {
    [TransmitEntry](
      repeating: TransmitEntry(syn: 0, port: 0, source: 0, sourcePort: 0), count: probes.count)
  }

  /// Writes the next entries to the start of `block`, and says how many; 0 at the end.
  mutating func fill(_ block: inout [TransmitEntry]) -> Int {
    while true {
      let count = Self.take(&probes, from: &cursor)
      if count == 0 { return 0 }
      let filled = convert(count, into: &block)
      if filled > 0 { return filled }
    }
  }

  private func convert(_ count: Int, into block: inout [TransmitEntry]) -> Int {
    var entries = block.mutableSpan
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
    var blocks: [(entries: [TransmitEntry], count: Int)]
    var first = 0
    var used = 0
    var isEnded = false
  }

  private let state: Mutex<State>
  private let isStopped = Atomic<Bool>(false)

  init(blocks: Int, of maker: borrowing ProbeMaker) {
    let empty = (0..<blocks).map { _ in (entries: maker.emptyBlock(), count: 0) }
    state = Mutex(State(blocks: empty))
  }

  enum Taken {
    /// So many entries at the block's start.
    case entries(Int)
    /// Nothing yet.
    case nothing
    /// Nothing any more.
    case end
  }

  /// Takes the next block in exchange for one that is used up.
  func take(_ block: inout [TransmitEntry]) -> Taken {
    state.withLock { state in
      guard state.used > 0 else { return state.isEnded ? .end : .nothing }
      swap(&block, &state.blocks[state.first].entries)
      let count = state.blocks[state.first].count
      state.first = (state.first + 1) % state.blocks.count
      state.used -= 1
      return .entries(count)
    }
  }

  /// Nobody takes blocks any more.
  func stop() { isStopped.store(true, ordering: .releasing) }

  /// Makes blocks until there are no more probes, or nobody wants them.
  func run(_ maker: consuming ProbeMaker) {
    var block = maker.emptyBlock()
    while !isStopped.load(ordering: .acquiring) {
      let count = maker.fill(&block)
      if count == 0 { break }
      while !offer(&block, count) {
        if isStopped.load(ordering: .acquiring) { return }
        // Several blocks lie ready: a fraction of the time that they last.
        Clock.sleep(untilMonotonic: Clock.monotonic + 300_000)
      }
    }
    state.withLock { $0.isEnded = true }
  }

  private func offer(_ block: inout [TransmitEntry], _ count: Int) -> Bool {
    state.withLock { state in
      guard state.used < state.blocks.count else { return false }
      let place = (state.first + state.used) % state.blocks.count
      swap(&block, &state.blocks[place].entries)
      state.blocks[place].count = count
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
  mutating func next(_ block: inout [TransmitEntry]) -> ProbeFeed.Taken {
    switch consume self {
    case .own(var maker):
      let count = maker.fill(&block)
      self = .own(maker)
      return count == 0 ? .end : .entries(count)
    case .feed(let feed):
      self = .feed(feed)
      return feed.take(&block)
    }
  }
}
