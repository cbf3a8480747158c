// A checkpoint: the position an interrupted job resumes from, and the parts of its files that are valid.
import Kernel
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

  /// The checkpoint as one line of JSON and its seal.
  package func encoded() throws(Fault) -> [UInt8] {
    do {
      return try SealedLine.encode(self)
    } catch {
      throw Fault("cannot write a checkpoint as JSON", detail: "\(error)")
    }
  }

  /// Returns whether `other` can stand in for this checkpoint if the files do not match it: it vouches for another,
  /// smaller part of them.
  func canFallBack(to other: Checkpoint) -> Bool {
    (other.results, other.journal) != (results, journal)
      && other.results.length <= results.length && other.journal.length <= journal.length
  }
}

/// The content of a file of checkpoints: one checkpoint of format 1, or any number of later formats.
package struct StoredCheckpoints {
  /// Those that are intact, in the order in which they are stored.
  package private(set) var checkpoints: [Checkpoint] = []
  /// Why the others cannot be used; nil if there are no others.
  package private(set) var problem: Unreadable?

  package init(_ bytes: [UInt8]) {
    if let checkpoint = Checkpoint(format1: bytes) {
      checkpoints = [checkpoint]
      return
    }
    for line in SealedLine.lines(in: bytes) {
      do throws(Unreadable) {
        guard let line else { throw .damaged }
        checkpoints.append(try SealedLine.decode(line))
      } catch {
        problem = problem ?? error
      }
    }
  }
}

/// The fields of a checkpoint. Without both marks it vouches for nothing, so nothing can stand in for them.
extension Checkpoint: Codable {
  private enum CodingKeys: String, CodingKey {
    case format, order, output, index, results, journal, totals
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(FileFormat.current, forKey: .format)
    try container.encode(identity.order, forKey: .order)
    try container.encode(identity.output, forKey: .output)
    try container.encode(index, forKey: .index)
    try container.encode(results, forKey: .results)
    try container.encode(journal, forKey: .journal)
    try container.encode(totals, forKey: .totals)
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    identity = JobIdentity(
      order: try fields.decodeIfPresent(String.self, forKey: .order) ?? "",
      output: try fields.decodeIfPresent(String.self, forKey: .output) ?? "")
    index = try fields.decodeIfPresent(UInt64.self, forKey: .index) ?? 0
    results = try fields.decode(RecordFile.Mark.self, forKey: .results)
    journal = try fields.decode(RecordFile.Mark.self, forKey: .journal)
    totals =
      try fields.decodeIfPresent(ScanTotals.self, forKey: .totals) ?? ScanTotals(started: 0)
  }
}

extension RecordFile.Mark: Codable {
  private enum CodingKeys: String, CodingKey { case length, crc32c }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(length, forKey: .length)
    try container.encode(checksum, forKey: .crc32c)
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    let length = try fields.decode(UInt64.self, forKey: .length)
    guard length <= UInt64(Int64.max) else {
      throw DecodingError.dataCorruptedError(
        forKey: .length, in: fields, debugDescription: "a file of \(length) bytes")
    }
    self.init(length: length, checksum: try fields.decode(UInt32.self, forKey: .crc32c))
  }
}
