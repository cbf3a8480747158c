// The checkpoint of version 0.1.0: fixed words, which a reader of another version takes for damaged.
import Scan
import Wire

extension Checkpoint {
  private static let magic = Array("SYNBOXCP".utf8)
  /// The number in the file; the formats of job.json and of checkpoints were counted apart then.
  private static let version: UInt64 = 2
  private static let identityLength = 64
  /// Frozen, in the order of the words.
  private static let counters: [ScanTotals.Counter] = [
    .elapsed, .sending, .probesCompleted, .probesRefused, .targetsUnresolved, .denied, .scopeChanges,
    .resetsSent, .reported, .duplicates, .evictions, .written, .discarded, .processorUser,
    .processorSystem, .peakResident,
  ]
  /// Frozen, in the order of the words. The RSTs that the receive program sent follow; it sends none any more.
  private static let fates: [Fate] = [
    .notIPv4, .malformed, .fragment, .notOurs, .otherProtocol, .otherPort, .notReply, .badCookie,
    .badChecksum, .open, .openRingFull, .closed, .closedUnreported, .closedRingFull, .icmp,
    .icmpUnreported, .icmpRingFull,
  ]
  /// Bytes: magic, words, two identities, checksum.
  package static let format1Length =
    8 + 8 * (3 + 4 + 1 + counters.count + fates.count + 1) + 2 * identityLength + 4

  /// The checkpoint as version 0.1.0 reads it; nil if an identity is no SHA-256.
  ///
  /// The magic; then 64-bit words in network byte order (version, length, index, length and checksum of the results
  /// and of the journal, totals); then both identities. The last four bytes are the CRC-32C of all before them.
  package var encodedFormat1: [UInt8]? {
    let identities = [identity.order, identity.output].map { Array($0.utf8) }
    guard identities.allSatisfy({ Self.digits($0[...]) != nil }) else { return nil }
    var bytes = Self.magic
    let words =
      [Self.version, UInt64(Self.format1Length), index]
      + [results, journal].flatMap { [$0.length, UInt64($0.checksum)] } + [totals.started]
      + Self.counters.map { totals[$0] } + Self.fates.map { totals.fates[$0] } + [0]
    for word in words { bytes.append(bigEndian: word) }
    for identity in identities { bytes += identity }
    bytes.append(bigEndian: CRC32C.of(bytes))
    return bytes
  }

  /// Returns nil unless every byte is intact.
  package init?(format1 bytes: [UInt8]) {
    guard bytes.count == Self.format1Length, bytes.starts(with: Self.magic) else { return nil }
    var sealed = Array(bytes.dropLast(4))
    sealed.append(bigEndian: CRC32C.of(sealed))
    guard sealed == bytes else { return nil }
    let end = Self.format1Length - 4 - 2 * Self.identityLength
    let words = stride(from: 8, to: end, by: 8).map { start in
      bytes[start..<start + 8].reduce(0) { $0 << 8 | UInt64($1) }
    }
    guard words[0] == Self.version, words[1] == UInt64(Self.format1Length),
      let results = RecordFile.Mark(words[3], words[4]),
      let journal = RecordFile.Mark(words[5], words[6]),
      let order = Self.digits(bytes[end..<end + Self.identityLength]),
      let output = Self.digits(bytes[(end + Self.identityLength)..<(end + 2 * Self.identityLength)])
    else { return nil }
    self.init(
      identity: JobIdentity(order: order, output: output), index: words[2], results: results,
      journal: journal, totals: Self.totals(words[7...]))
  }

  private static func totals(_ words: ArraySlice<UInt64>) -> ScanTotals {
    var words = words
    var totals = ScanTotals(started: words.removeFirst())
    for counter in counters { totals[counter] = words.removeFirst() }
    for fate in fates { totals.fates[fate] = words.removeFirst() }
    totals[.resetsSent] &+= words.removeFirst()
    return totals
  }

  private static func digits(_ text: ArraySlice<UInt8>) -> String? {
    let isHexadecimal = text.allSatisfy {
      UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0
    }
    return isHexadecimal && text.count == identityLength ? String(decoding: text, as: UTF8.self) : nil
  }
}

extension RecordFile.Mark {
  fileprivate init?(_ length: UInt64, _ checksum: UInt64) {
    guard let checksum = UInt32(exactly: checksum), length <= UInt64(Int64.max) else { return nil }
    self.init(length: length, checksum: checksum)
  }
}
