import Foundation
import Scan
import TestSupport
import Testing
import Wire

private let page = ResultPages.pageSize

/// Formats random results with a flush at random intervals. Returns the expected lines, and the pieces written with their
/// offsets in the file.
private func pieces(
  _ formatter: ResultFormatter, position: Int, _ random: inout SeededGenerator
) -> (lines: [[UInt8]], pieces: [(offset: Int, bytes: [UInt8])]) {
  var pages = ResultPages(formatter, position: position)
  var lines: [[UInt8]] = formatter.header.isEmpty ? [] : [formatter.header]
  var written: [(offset: Int, bytes: [UInt8])] = []
  var offset = position
  for _ in 0..<60 {
    for _ in 0..<Int.random(in: 0...300, using: &random) {
      let result = ScanResult(
        reply: reply(
          [.open, .closed, .icmp].randomElement(using: &random)!,
          from: IPv4Address(.random(in: .min ... .max, using: &random)),
          port: .random(in: .min ... .max, using: &random)),
        isRepeat: false, inCooldown: false, time: 1_795_364_400_123_456_789)
      var line: [UInt8] = []
      formatter.append(result, to: &line)
      lines.append(line)
      pages.append(result)
    }
    pages.flush { bytes, pieces in
      for piece in pieces {
        written.append((offset, Array(bytes[piece])))
        offset += piece.count
      }
    }
  }
  return (lines, written)
}

@Suite(.timeLimit(.minutes(5))) struct `Pieces of results for one write each` {
  static let fields: [[ResultField]] = [ResultField.standard, [.sport], ResultField.allCases]

  @Test(arguments: OutputFormat.allCases, fields)
  func `contain all lines, whole and in order`(format: OutputFormat, fields: [ResultField]) {
    var random = SeededGenerator(seed)
    let formatter = ResultFormatter(format: format, fields: fields)
    for position in [0, 1, page - 1, 3 * page + 77] {
      let (lines, pieces) = pieces(formatter, position: position, &random)
      #expect(pieces.allSatisfy { $0.bytes.last == UInt8(ascii: "\n") })
      let text = pieces.flatMap(\.bytes).split(separator: UInt8(ascii: "\n"))
      // Only spaces at the ends of JSON lines are added.
      let found = text.map { line in
        format == .csv ? Array(line) : Array(line[...line.lastIndex(of: UInt8(ascii: "}"))!])
      }
      #expect(found == lines.map { Array($0.dropLast()) }, "seed \(seed)")
    }
  }

  @Test(arguments: fields)
  func `lie within one page each, in JSON`(fields: [ResultField]) {
    var random = SeededGenerator(seed)
    let formatter = ResultFormatter(format: .json, fields: fields)
    let (_, pieces) = pieces(formatter, position: 0, &random)
    #expect(pieces.count > 10)
    for (offset, bytes) in pieces {
      #expect(offset / page == (offset + bytes.count - 1) / page, "\(offset), seed \(seed)")
    }
  }

  @Test func `lie within one page each, in CSV, except single lines that cross a boundary`() {
    var random = SeededGenerator(seed)
    let formatter = ResultFormatter(format: .csv, fields: ResultField.standard)
    let (_, pieces) = pieces(formatter, position: 0, &random)
    let across = pieces.filter { $0.offset / page != ($0.offset + $0.bytes.count - 1) / page }
    #expect(!across.isEmpty)
    for (_, bytes) in across { #expect(bytes.count { $0 == UInt8(ascii: "\n") } == 1) }
  }

  @Test func `are valid JSON, with spaces`() throws {
    var random = SeededGenerator(seed)
    let formatter = ResultFormatter(format: .json, fields: ResultField.standard)
    let (_, pieces) = pieces(formatter, position: 0, &random)
    let lines = pieces.flatMap(\.bytes).split(separator: UInt8(ascii: "\n"))
    #expect(lines.contains { $0.last == UInt8(ascii: " ") })
    for line in lines where line.last == UInt8(ascii: " ") { _ = try object(Array(line)) }
  }

  @Test func `that cannot be written are kept`() {
    var pages = ResultPages(ResultFormatter(format: .csv, fields: [.sport]), position: 0)
    pages.append(ScanResult(reply: reply(), isRepeat: false, inCooldown: false, time: 0))
    #expect(throws: CancellationError.self) {
      try pages.flush { (_, _) throws(CancellationError) in throw CancellationError() }
    }
    #expect(pages.bytes == Array("sport\n443\n".utf8))
  }
}
