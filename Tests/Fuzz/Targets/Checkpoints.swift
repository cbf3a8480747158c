// A job's checkpoint and journal.
import Kernel
import Spool
import Wire

extension FuzzTarget {
  /// A checkpoint is accepted only if its encoding equals the input. Also tries the input with correct magic, length
  /// and checksum, which the fuzzer would not find.
  static let checkpoint = FuzzTarget("checkpoint", maximumLength: 512) { bytes in
    try requireItself(bytes)
    guard bytes.count > 12 else { return }
    var sealed = Array("SYNBOXCP".utf8) + bytes.dropFirst(8)
    sealed += [UInt8](repeating: 0, count: max(0, Checkpoint.length - sealed.count))
    sealed.removeLast(sealed.count - (Checkpoint.length - 4))
    sealed.append(bigEndian: CRC32C.of(sealed))
    try requireItself(sealed)
  }

  private static func requireItself(_ bytes: [UInt8]) throws {
    guard let checkpoint = Checkpoint(bytes) else { return }
    try require(checkpoint.encoded == bytes, "taken for a checkpoint of other bytes")
    try requirePrintable("\(checkpoint.identity)")
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

  /// Requires that all records are read as they are in the file, or the journal is rejected.
  private static func requireAnswers(of file: RecordFile, _ bytes: [UInt8]) throws {
    let records = stride(from: 0, to: bytes.count, by: 8).map {
      bytes[$0..<min($0 + 8, bytes.count)]
    }
    let isSound = records.allSatisfy { $0.count == 8 && 1...3 ~= $0[$0.startIndex + 6] && $0.last == 0 }
    var written: [UInt8] = []
    do throws(Fault) {
      try file.readJournal { $0.append(to: &written) }
    } catch {
      try requirePrintable("\(error)")
      return try require(!isSound, "refused: \(error)")
    }
    try require(isSound && written == bytes, "\(bytes) read as \(written)")
  }
}
