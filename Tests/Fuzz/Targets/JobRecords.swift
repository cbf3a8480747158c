// job.json.
import Spool

extension FuzzTarget {
  /// A record is accepted only with a key, and is then unchanged after encoding and decoding. No byte of an accepted one
  /// can change. Also tries the input's first line with a correct seal, which the fuzzer would not find.
  static let jobRecord = FuzzTarget("job-record", maximumLength: 2048) { bytes in
    try requireSame(bytes)
    try requireSame(SealedLine.seal(firstLine(bytes)))
  }

  private static func requireSame(_ bytes: [UInt8]) throws {
    guard let record = try? JobRecord(stored: bytes) else { return }
    try require(record.sipHashKey != nil, "no key")
    let encoded = try record.encoded()
    try require(try JobRecord(stored: encoded) == record, "another record after encoding it")
    let isAccepted = (try? JobRecord(stored: changed(bytes))) != nil
    try require(!isAccepted, "a changed byte is not found")
  }

  /// Returns what comes before the first newline.
  static func firstLine(_ bytes: [UInt8]) -> [UInt8] {
    Array(bytes.prefix { $0 != UInt8(ascii: "\n") })
  }

  /// Returns the bytes with one of them changed, which one depends on all.
  static func changed(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    let hash = bytes.reduce(0) { ($0 &* 31 &+ Int($1)) & 0xff_ffff }
    bytes[hash % bytes.count] ^= 1 << UInt8(hash & 7)
    return bytes
  }
}
