// A job's checkpoints and journal.
import Kernel
import Spool
import Wire

extension FuzzTarget {
  /// A checkpoint of format 1 is accepted only if its encoding equals the input, but for the sum of its RSTs; a later one
  /// is unchanged after encoding and decoding, in format 1 but for counters that it does not have. A changed byte of an
  /// intact file is found. Also tries the input with what makes either format intact, which the fuzzer would not find.
  static let checkpoint = FuzzTarget("checkpoint", maximumLength: 4096) { bytes in
    try requireStable(bytes)
    let line = firstLine(bytes)
    try requireStable(SealedLine.seal(line) + SealedLine.seal(Array(bytes.dropFirst(line.count + 1))))
    guard bytes.count > 12 else { return }
    var sealed = Array("SYNBOXCP".utf8) + bytes.dropFirst(8)
    sealed += [UInt8](repeating: 0, count: max(0, Checkpoint.format1Length - sealed.count))
    sealed.removeLast(sealed.count - (Checkpoint.format1Length - 4))
    sealed.append(bigEndian: CRC32C.of(sealed))
    try requireStable(sealed)
  }

  /// A checkpoint of format 1 without the words that count RSTs, of which a reader keeps the sum, and without its checksum.
  private static func withoutResets(_ bytes: [UInt8]) -> [UInt8] {
    let (transmitter, inPlace) = (8 + 8 * 15, 8 + 8 * 41)
    guard bytes.count == Checkpoint.format1Length else { return bytes }
    return Array(
      bytes[..<transmitter] + bytes[(transmitter + 8)..<inPlace] + bytes[(inPlace + 8)...].dropLast(4))
  }

  private static func requireStable(_ bytes: [UInt8]) throws {
    if let checkpoint = Checkpoint(format1: bytes) {
      let again = checkpoint.encodedFormat1 ?? []
      try require(Checkpoint(format1: again) == checkpoint, "another checkpoint in format 1")
      try require(
        withoutResets(again) == withoutResets(bytes), "taken for a checkpoint of other bytes")
    }
    let stored = StoredCheckpoints(bytes)
    try require(!stored.checkpoints.isEmpty || stored.problem != nil, "neither checkpoint nor problem")
    for checkpoint in stored.checkpoints {
      let again = StoredCheckpoints(try checkpoint.encoded())
      try require(again.checkpoints == [checkpoint] && again.problem == nil, "another checkpoint")
      // Format 1 has no place for later counters.
      let older = checkpoint.encodedFormat1
      let read = older.map { StoredCheckpoints($0).checkpoints.map(\.encodedFormat1) }
      try require(older == nil || read == [older], "another checkpoint in format 1")
    }
    if let problem = stored.problem { return try requirePrintable("\(problem)") }
    try require(StoredCheckpoints(changed(bytes)).problem != nil, "a changed byte is not found")
  }

  /// The first byte is the journal's length at its checkpoint, in quarters of a record; the second, whether the
  /// checksum differs; the others are the file's present content. A journal that differs from its checkpoint is left
  /// as it is; another is truncated to its checkpoint, and its records are those in the file.
  static let answers = FuzzTarget("answers", maximumLength: 514) { bytes in
    guard bytes.count >= 2 else { return }
    let content = Array(bytes.dropFirst(2))
    let length = Int(bytes[0]) * 2
    let whole = Array(content.prefix(length))
    let isAnother = bytes[1] & 1 == 1
    let checksum = CRC32C.of(whole) ^ (isAnother ? 1 : 0)
    let path = ScratchPath.next()
    if Files.kind(of: path) != nil { try Files.remove(path) }
    try Files.create(path).writeAll(content)
    defer { try? Files.remove(path) }
    let mark = RecordFile.Mark(length: UInt64(length), checksum: checksum)
    guard let file = try RecordFile(path, at: mark) else {
      try require(content.count < length || isAnother, "a whole journal is not believed")
      return try require(try Files.read(path) == content, "changed, though it is not believed")
    }
    try require(content.count >= length, "\(content.count) of \(length) bytes are enough")
    try require(!isAnother || length == 0, "another checksum is believed")
    try require(try Files.read(path) == whole, "not cut back to \(length) bytes")
    try requireAnswers(of: file, whole)
  }

  /// Requires that all records are read as they are in the file, without headers and other address families, or the
  /// journal is rejected.
  private static func requireAnswers(of file: RecordFile, _ bytes: [UInt8]) throws {
    let expected = plainJournal(bytes[...])
    var written: [UInt8] = []
    let skipped: Int
    do throws(Fault) {
      skipped = try file.readJournal { $0.append(to: &written) }
    } catch {
      try requirePrintable("\(error)")
      return try require(expected == nil, "refused: \(error)")
    }
    try require(written == expected?.records, "\(bytes) read as \(written)")
    try require(skipped == expected?.skipped, "\(skipped) skipped")
  }

  /// A second reading of a journal: the IPv4 records, and the number of others; nil if it is invalid.
  private static func plainJournal(_ bytes: ArraySlice<UInt8>) -> (records: [UInt8], skipped: Int)? {
    guard !bytes.isEmpty else { return ([], 0) }
    let first = Array(bytes.prefix(8))
    guard first.count == 8, first[7] == 0 else { return nil }
    let size = 8 + 8 * Int(first[6] / 16)
    guard bytes.count >= size, let rest = plainJournal(bytes.dropFirst(size)) else { return nil }
    if size > 8 { return (rest.records, rest.skipped + 1) }
    guard 1...3 ~= first[6] else { return nil }
    let isHeader = first[0] == 0 && first[4...6] == [0, 0, 1]
    return ((isHeader ? [] : first) + rest.records, rest.skipped)
  }
}
