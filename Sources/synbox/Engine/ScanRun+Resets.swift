// The RSTs that go through the transmitter: one for each SYN-ACK, including the last ones of a scan.
import Kernel
import Scan
import Wire

extension ScanRun {
  /// Returns nil if the reply went to none of our addresses, or if its sender has no next hop.
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

  /// More replies than any receiver's ring holds.
  private static var maxRemainingReplies: Int { 1 << 17 }

  /// Receives the replies that wait after the senders have ended, and sends their RSTs. Bounded, so that an
  /// endless flood cannot keep the scan alive.
  mutating func receiveRemainingReplies() throws(Fault) {
    var total = 0
    while total < Self.maxRemainingReplies, !writer.isFull {
      let startTime = Clock.monotonic
      total += try receiveReplies()
      if !resets.isEmpty { try sendRemainingResets() }
      // Otherwise more replies wait, or the queue had no room for their RSTs.
      if drainedUntil >= startTime { return }
    }
  }

  /// Sends the queued RSTs from a new sending thread, because a transmitter may be bound to a processor.
  ///
  /// The sender's phase is `ended`, so it sends no probes; a rate of 1 keeps `startSender` from starting a
  /// planning thread.
  private func sendRemainingResets() throws(Fault) {
    var threads = Threads()
    try startSender(0, builder(0, of: 1), rate: 1, &threads)
    threads.popLast()?.join()
    if let fault = senders[0].fault { throw fault }
  }
}
