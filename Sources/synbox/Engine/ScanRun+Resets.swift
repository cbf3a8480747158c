// The RSTs that go through the transmitter: each reply that is taken has its own, also at the very end of a scan.
import Kernel
import Scan
import Wire

extension ScanRun {
  /// nil where the reply is to none of our addresses, or where its sender cannot be reached.
  static func resetEntry(
    _ reply: Reply, _ sourceIndex: [IPv4Address: UInt16], _ nextHops: NextHops
  ) -> TransmitEntry? {
    guard let source = sourceIndex[reply.destination],
      let hop = nextHops.index(of: reply.source.value)
    else { return nil }
    return TransmitEntry(
      rst: reply.source.value, port: reply.sourcePort.value, source: source,
      sourcePort: reply.destinationPort.value, sequenceNumber: reply.acknowledgmentNumber,
      nextHop: hop)
  }

  /// More than any receiver's ring holds.
  private static var lastRepliesMax: Int { 1 << 17 }

  /// Takes what waits when the sending threads have ended, and sends the RSTs that are owed for it. A flood that never
  /// ends does not keep the scan alive.
  mutating func takeLastReplies() throws(Fault) {
    var total = 0
    while total < Self.lastRepliesMax, !writer.isFull {
      let asked = Clock.monotonic
      total += try takeReplies()
      if !resets.isEmpty { try sendLastResets() }
      // Otherwise more wait, or there was no room for their RSTs.
      if takenUntil >= asked { return }
    }
  }

  /// By a sending thread once more, for a way of sending may be bound to its processor. It has been told to end, and so
  /// sends nothing else: at a rate that it never uses, for which no thread works ahead.
  private func sendLastResets() throws(Fault) {
    var threads = Threads()
    try start(0, maker(0, of: 1), rate: 1, &threads)
    threads.popLast()?.join()
    if let fault = senders[0].fault { throw fault }
  }
}
