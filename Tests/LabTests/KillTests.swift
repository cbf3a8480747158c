import Foundation
import LabSupport
import LabTraits
import TestSupport
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `A scan killed at 50 random moments` {
  /// Many fields, for lines of several hundred bytes.
  private static let fields =
    "saddr,daddr,sport,dport,seqnum,acknum,window,ttl,ipid,classification,success,timestamp_str,tcpopt_mss"

  @Test(arguments: ["json", "csv"])
  func `leaves whole lines in its file, except a CSV line that crosses a page boundary`(format: String)
    throws
  {
    let lab = try Lab()
    let node = try lab.respond(["--answer", "all"])
    var random = SeededGenerator(Seed.next())
    let directory = try Lab.temporaryDirectory()
    var (scansWithResults, lines) = (0, 0)
    for number in 0..<50 {
      let file = "\(directory)/\(number).\(format)"
      let scan = try Running(
        lab.inside(
          lab.box,
          [
            Lab.synbox, "scan", "-q", "-i", "box0", "-p", "80", "-r", "200k", "-O", format, "-f",
            Self.fields, "-o", file, "96.0.0.0/8",
          ]))
      // Half of them at any moment from their start on, half while they write results, however slow the machine is.
      if number % 2 == 1 { try scan.wait(for: "results") { _ in size(of: file) > 0 } }
      usleep(UInt32.random(in: 0...500_000, using: &random))
      scan.signal(SIGKILL)
      #expect(try scan.wait().status == 128 + SIGKILL)
      // It was killed before it opened its file.
      guard let bytes = FileManager.default.contents(atPath: file) else { continue }
      try FileManager.default.removeItem(atPath: file)
      let found = try wholeLines(bytes, format)
      scansWithResults += found > 0 ? 1 : 0
      lines += found
    }
    #expect(scansWithResults >= 20, "only \(scansWithResults) scans had results when they were killed")
    #expect(lines > 10_000)
    _ = try node.end()
  }

  private func size(of file: String) -> Int {
    let attributes = try? FileManager.default.attributesOfItem(atPath: file)
    return attributes?[.size] as? Int ?? 0
  }

  /// Returns the number of results; records an issue for each that is not whole.
  private func wholeLines(_ bytes: Data, _ format: String) throws -> Int {
    // CSV has no padding to a page boundary: see ResultPages.
    let isWhole = bytes.last == UInt8(ascii: "\n") || bytes.isEmpty
    #expect(isWhole || format == "csv" && bytes.count % 4096 == 0)
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast()
    guard !lines.isEmpty else { return 0 }
    #expect(!lines.contains { $0.isEmpty })
    let columns = Self.fields.split(separator: ",")
    guard format == "json" else {
      #expect(lines.first.map { String(decoding: $0, as: UTF8.self) } == Self.fields)
      #expect(lines.allSatisfy { $0.count { $0 == UInt8(ascii: ",") } == columns.count - 1 })
      return lines.count - 1
    }
    for line in lines {
      let object = try JSONSerialization.jsonObject(with: line) as? [String: Any]
      #expect(object?.count == columns.count)
    }
    return lines.count
  }
}
