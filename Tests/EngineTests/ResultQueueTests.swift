import Foundation
import Kernel
import Scan
import Testing
import Wire

@testable import Engine

@Suite(.timeLimit(.minutes(5))) struct `The queue of results` {
  private static func result(_ number: UInt64) -> ScanResult {
    let reply = Reply(
      kind: .open, time: number, source: IPv4Address(198, 19, 0, 1), sourcePort: Port(80),
      destination: IPv4Address(198, 18, 0, 1), destinationPort: Port(40_000), identification: 0,
      timeToLive: 64)
    return ScanResult(reply: reply, isRepeat: false, inCooldown: false, time: number)
  }

  /// Publishes one result at a time until there is no room. Returns how many were published.
  private static func fill(
    _ queue: ResultQueue, _ sink: ResultSink, from first: Int, whenShort: () -> Void = {}
  ) -> Int {
    var results = ResultQueue.emptyChunk()
    for number in first... {
      results.append(result(UInt64(number)))
      guard queue.publish(&results, to: sink, ReceiveCounts()) else {
        #expect(results.count == 1)
        return number - first
      }
      #expect(results.isEmpty && results.capacity >= 2 * ResultQueue.chunkSize)
      if queue.isShort { whenShort() }
    }
    return 0
  }

  private func sink() throws -> ResultSink {
    ResultSink(
      ResultWriter(
        try Files.create("/dev/null"), name: "/dev/null",
        formatter: ResultFormatter(format: .csv, fields: ResultField.standard)))
  }

  @Test func `has room for all of its chunks, in order, if memory comes in time`() throws {
    let (queue, sink) = (try ResultQueue(), try sink())
    #expect(Self.fill(queue, sink, from: 0, whenShort: queue.restock) == ResultQueue.chunkCount)
    #expect(!queue.isShort, "it would ask for memory that it never uses")
    var taken: [UInt64] = []
    while queue.take({ _, results, _ in taken += results.map(\.time) }) {}
    #expect(taken == (0..<UInt64(ResultQueue.chunkCount)).map { $0 })
    // What comes back is used again.
    #expect(Self.fill(queue, sink, from: 1000) == ResultQueue.chunkCount)
  }

  @Test func `takes no more than it has memory for, and loses nothing`() throws {
    let (queue, sink) = (try ResultQueue(), try sink())
    let few = Self.fill(queue, sink, from: 0)
    #expect(few > 0 && few < ResultQueue.chunkCount && queue.isShort)
    queue.restock()
    #expect(Self.fill(queue, sink, from: few) > 0)
    var taken: [UInt64] = []
    while queue.take({ _, results, _ in taken += results.map(\.time) }) {}
    #expect(taken.count > few && taken == (0..<UInt64(taken.count)).map { $0 })
  }
}
