// A checkpoint: the position an interrupted job resumes from, and the parts of its files that are valid.
import Scan
import Wire

/// Identifies what a job's positions and files refer to. With another plan or seed, a position is another target.
public struct JobIdentity: Hashable, Sendable {
  /// SHA-256 of everything that determines the order of probes: 64 hexadecimal digits.
  public var order: String
  /// SHA-256 of everything that determines the format of results: 64 hexadecimal digits.
  public var output: String

  public init(order: String, output: String) { (self.order, self.output) = (order, output) }
}

/// A saved position: all probes below `index` were completed, their cooldown has passed, and their results are on
/// disk.
public struct Checkpoint: Hashable, Sendable {
  public var identity: JobIdentity
  /// A position in the job's `ProbeSequence`.
  public var index: UInt64
  public var results: RecordFile.Mark
  public var journal: RecordFile.Mark
  public var totals: ScanTotals

  public init(
    identity: JobIdentity, index: UInt64, results: RecordFile.Mark, journal: RecordFile.Mark,
    totals: ScanTotals
  ) {
    self.identity = identity
    self.index = index
    self.results = results
    self.journal = journal
    self.totals = totals
  }

  // MARK: - Encoding

  private static func isLowercaseHexDigit(_ byte: UInt8) -> Bool {
    UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || UInt8(ascii: "a")...UInt8(ascii: "f") ~= byte
  }

  private static let magic = Array("SYNBOXCP".utf8)
  private static let version: UInt64 = 2
  private static let identityLength = 64
  /// Bytes: magic, words, two identities, checksum.
  package static let length = 8 + 8 * (3 + 4 + ScanTotals.wordCount) + 2 * identityLength + 4

  /// The magic; then 64-bit words in network byte order (version, length, index, length and checksum of the results
  /// and of the journal, totals); then both identities. The last four bytes are the CRC-32C of all before them.
  package var encoded: [UInt8] {
    var bytes = Self.magic
    let words =
      [Self.version, UInt64(Self.length), index]
      + [results, journal].flatMap { [$0.length, UInt64($0.checksum)] } + totals.words
    for word in words { bytes.append(bigEndian: word) }
    bytes += Array(identity.order.utf8) + Array(identity.output.utf8)
    bytes.append(bigEndian: CRC32C.of(bytes))
    return bytes
  }

  /// Returns nil unless every byte is intact.
  package init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.length, bytes.starts(with: Self.magic) else { return nil }
    var sealed = Array(bytes.dropLast(4))
    sealed.append(bigEndian: CRC32C.of(sealed))
    guard sealed == bytes else { return nil }
    let end = Self.length - 4 - 2 * Self.identityLength
    let words = stride(from: 8, to: end, by: 8).map { start in
      bytes[start..<start + 8].reduce(0) { $0 << 8 | UInt64($1) }
    }
    guard words[0] == Self.version, words[1] == UInt64(Self.length),
      let totals = ScanTotals(words: Array(words[7...])),
      let results = RecordFile.Mark(words[3], words[4]),
      let journal = RecordFile.Mark(words[5], words[6])
    else { return nil }
    index = words[2]
    self.results = results
    self.journal = journal
    self.totals = totals
    func digits(at start: Int) -> String? {
      let text = bytes[start..<start + Self.identityLength]
      return text.allSatisfy(Self.isLowercaseHexDigit) ? String(decoding: text, as: UTF8.self) : nil
    }
    guard let order = digits(at: end), let output = digits(at: end + Self.identityLength)
    else { return nil }
    identity = JobIdentity(order: order, output: output)
  }
}

extension RecordFile.Mark {
  fileprivate init?(_ length: UInt64, _ checksum: UInt64) {
    guard let checksum = UInt32(exactly: checksum), length <= UInt64(Int64.max) else { return nil }
    self.init(length: length, checksum: checksum)
  }
}
