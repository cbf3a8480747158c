// changes.csv: what differs from the last scan of the same name.
import Kernel

enum FleetChanges {
  /// Bytes of each of the two files, at most.
  private static let largest = 1 << 30

  /// Writes a line for each row that only one of two result files has: `appeared` or `disappeared`, and the row.
  static func write(from earlier: String, to later: String, into output: String) throws(Fault) {
    guard Files.kind(of: earlier) == .file else { return }
    let (before, after) = (try rows(earlier), try rows(later))
    // With other columns, every row would differ.
    guard before.header == after.header else { return }
    var text = Array("change,".utf8) + after.header + [10]
    for (word, rows, others) in [
      ("appeared,", after.rows, before.rows), ("disappeared,", before.rows, after.rows),
    ] {
      let known = Set(others)
      for row in rows where !known.contains(row) { text += Array(word.utf8) + row + [10] }
    }
    try Files.writeNew(output, text, durable: true)
  }

  private static func rows(_ path: String) throws(Fault) -> (header: [UInt8], rows: [ArraySlice<UInt8>])
  {
    let lines = try Files.read(path, limit: largest).split(separator: 10)
    return (lines.first.map { Array($0) } ?? [], Array(lines.dropFirst()))
  }
}
