// The ledger: which results count. A line for each accepted shard, appended and flushed, never changed.
import Plan

/// One line of the ledger.
public struct LedgerEntry: Hashable, Sendable {
  public var shard: ShardID
  /// Of the signed manifest.
  public var manifest: Digest
  public var box: BoxName
  /// Lines without the header.
  public var rows: UInt64
  /// Of the shard's results with their header.
  public var digest: Digest
  /// Targets of the shard.
  public var targets: UInt64
  /// Those that were denied.
  public var targetsDenied: UInt64
  /// Those of them that the fleet's deny lists do not explain.
  public var targetsUnexplained: UInt64

  public init(
    shard: ShardID, manifest: Digest, box: BoxName, rows: UInt64, digest: Digest, targets: UInt64,
    targetsDenied: UInt64, targetsUnexplained: UInt64
  ) {
    self.shard = shard
    self.manifest = manifest
    self.box = box
    self.rows = rows
    self.digest = digest
    self.targets = targets
    self.targetsDenied = targetsDenied
    self.targetsUnexplained = targetsUnexplained
  }

  /// The line with its line feed: the entry, and the first 16 digits of its SHA-256, so that a line of a damaged disk is not
  /// believed.
  public var line: [UInt8] {
    let text = JSONValue.object([
      "v": .number(1), "scan": .digest(shard.scan), "k": .number(shard.number),
      "manifest": .digest(manifest), "box": .text(box.description), "rows": .number(rows),
      "sha256": .digest(digest), "targets": .number(targets), "denied": .number(targetsDenied),
      "unexplained": .number(targetsUnexplained),
    ]).canonical
    return text + Array(" \(Digest(of: text).short)\n".utf8)
  }

  init(line: ArraySlice<UInt8>) throws(FleetError) {
    guard line.count > 17, case let text = Array(line.dropLast(17)),
      Array(line.suffix(17)) == Array(" \(Digest(of: text).short)".utf8)
    else { throw FleetError("its checksum is wrong") }
    let fields = try Fields(JSONValue(parsing: text, "entry", limit: 2048), "entry")
    try fields.requireVersion()
    let number = try fields.number("k", in: 0...UInt64(ScanDescription.mostShards - 1))
    shard = ShardID(scan: try fields.digest("scan"), number: UInt32(number))
    manifest = try fields.digest("manifest")
    box = try fields.name("box")
    rows = try fields.number("rows")
    digest = try fields.digest("sha256")
    targets = try fields.number("targets")
    targetsDenied = try fields.number("denied")
    targetsUnexplained = try fields.number("unexplained")
  }
}

/// The ledger file.
public enum Ledger {
  /// The first line of the file, with its line feed.
  public static let header = Array("synbox-ledger 1\n".utf8)

  /// What a ledger says, and how much of the file that is.
  public struct Reading: Hashable, Sendable {
    public var entries: [LedgerEntry] = []
    /// Bytes of whole lines. The file is to be cut back to them: what follows was never acted upon.
    public var length = 0
  }

  /// Reads a ledger. A last line without line feed is left out, because a power cut leaves one.
  ///
  /// - Throws: an error with the number of the line for anything else that is wrong, and for two lines of one shard. An
  ///   operator has to look then: results may be lost.
  public static func read(_ bytes: [UInt8]) throws(FleetError) -> Reading {
    var reading = Reading()
    guard let first = bytes.firstIndex(of: 10) else {
      guard header.starts(with: bytes) else { throw FleetError("ledger:1: no ledger of this version") }
      return reading
    }
    guard bytes[...first] == header[...] else {
      throw FleetError("ledger:1: no ledger of this version")
    }
    var seen: Set<ShardID> = []
    var (start, line) = (first + 1, 1)
    while let end = bytes[start...].firstIndex(of: 10) {
      line += 1
      do throws(FleetError) {
        let entry = try LedgerEntry(line: bytes[start..<end])
        guard seen.insert(entry.shard).inserted else {
          throw FleetError("shard \(entry.shard) is there twice")
        }
        reading.entries.append(entry)
      } catch {
        throw FleetError("ledger:\(line): \(error)")
      }
      start = end + 1
    }
    reading.length = start
    return reading
  }
}
