import Testing
import Wire

@testable import Engine

@Suite(.timeLimit(.minutes(5))) struct `The queue of RSTs` {
  private static func entry(_ number: Int) -> TransmitEntry {
    TransmitEntry(
      rst: UInt32(number), port: 80, source: 0, sourcePort: 1, sequenceNumber: 2,
      sums: SourceSums(rstFrom: IPv4Address(198, 18, 0, 1)))
  }

  /// Queues RSTs one at a time, as a slow trickle would, until one is left over.
  private static func fill(_ queue: ResetQueue) -> (queued: Int, left: [TransmitEntry]) {
    var chunk = ResetQueue.emptyChunk()
    for number in 0..<2 * ResetQueue.capacity {
      guard chunk.count < ResetQueue.chunkSize else { return (number - chunk.count, chunk) }
      chunk.append(entry(number))
      queue.publish(&chunk)
    }
    return (0, chunk)
  }

  @Test func `has room for more than half its capacity, however few are queued at a time`() throws {
    let (queued, left) = Self.fill(try ResetQueue())
    #expect(queued >= ResetQueue.capacity / 2)
    #expect(left.count == ResetQueue.chunkSize)
  }

  @Test func `gives all of them out in order, and has room again`() throws {
    let queue = try ResetQueue()
    var (queued, left) = Self.fill(queue)
    var batch: [TransmitEntry] = []
    batch.reserveCapacity(ResetQueue.capacity)
    queue.takeAll(into: &batch)
    #expect(batch == (0..<queued).map(Self.entry))
    #expect(queue.isEmpty)
    queue.publish(&left)
    #expect(left.isEmpty && !queue.isEmpty)
  }
}
