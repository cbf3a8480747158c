import Datapath
import Foundation
import Kernel
import Testing
import Wire

@Suite(.timeLimit(.minutes(5))) struct `The contract of bpf/synbox.h` {
  @Test func `has the same numbers as its mirrors in Swift`() {
    #expect(Contract.eventLength == Reply.recordLength)
    #expect(Contract.longestReply == ReplyClassifier.longestReply)
    #expect(Contract.slots == KeySlots.most)
    for slots in 1...KeySlots.most {
      for ports in (1...200).map({ 65_536 - $0 }) {
        let range = UInt16(ports)...65_535
        #expect(Contract.hints(slots: slots, ports: range) == KeySlots(slots, ports: range).hints)
      }
    }
    #expect(Contract.use(dedicated: false) != Contract.use(dedicated: true))
    #expect(Contract.fates == Fate.allCases.count)
    #expect(Contract.stats == FateCounts().values.count)
    #expect(Contract.responderStats == ResponderCounts.names.count)
    #expect(Fate.allCases.map(\.rawValue) == Array(0..<Contract.fates))
  }

  /// The twins in Sources/Wire and bpf/, and no third copy.
  @Test func `has SipHash's constants in two files only`() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
      .standardized
    var files: [String] = []
    for directory in ["Sources", "bpf"] {
      let names = FileManager.default.enumerator(atPath: root.appending(path: directory).path)
      for case let name as String in try #require(names)
      where [".swift", ".h", ".c"].contains(where: { name.hasSuffix($0) }) {
        let text = try String(contentsOf: root.appending(path: "\(directory)/\(name)"), encoding: .utf8)
        if text.replacing("_", with: "").contains("736f6d6570736575") {
          files.append("\(directory)/\(name)")
        }
      }
    }
    #expect(files.sorted() == ["Sources/Wire/SipHash.swift", "bpf/cookie.h"])
  }
}
