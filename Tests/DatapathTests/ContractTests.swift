import Datapath
import Kernel
import Testing
import Wire

@Suite struct `What Swift mirrors of bpf/synbox.h` {
  @Test func `has the same numbers`() {
    #expect(Contract.eventLength == Reply.recordLength)
    #expect(Contract.longestReply == ReplyClassifier.longestReply)
    #expect(Contract.fates == Fate.allCases.count)
    #expect(Contract.stats == FateCounts().values.count)
    #expect(Contract.responderStats == ResponderCounts.names.count)
    #expect(Fate.allCases.map(\.rawValue) == Array(0..<Contract.fates))
  }
}
