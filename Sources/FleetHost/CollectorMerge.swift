// The results of a whole scan: the rows of its shards in order, and the sums of their summaries.
import Fleet
import Kernel
import Plan
import Support

/// Merges the shards of a scan, each checked against its line of the ledger. For a thread of its own.
public struct CollectorMerge: Sendable {
  private let path: String
  private let scan: ScanDescription
  private let entries: [LedgerEntry]

  /// - Parameter path: the collector's directory.
  public init(_ path: String, _ scan: ScanDescription, _ entries: [LedgerEntry]) {
    self.path = path
    self.scan = scan
    self.entries = entries
  }

  /// The directory of a scan's results.
  public static func directory(_ path: String, _ scan: Digest) -> String {
    "\(path)/results/\(scan.short)"
  }

  /// Writes `results.csv` and `summary.json`, and, if an earlier scan had the same name, `changes.csv`. Does nothing if that
  /// was done before.
  ///
  /// - Parameter earlier: the results of the last scan with this name; nil if there is none.
  public func run(earlier: Digest?) throws {
    let place = Self.directory(path, scan.id)
    if Files.kind(of: place) == .directory { return }
    let parts = "\(path)/results/.\(scan.id.short).part"
    try Files.removeTree(FileName(".\(scan.id.short).part"), in: "\(path)/results")
    try Files.makeDirectory(parts, mode: 0o700)
    let started = Clock.realtime
    try mergeRows(into: "\(parts)/results.csv")
    if let earlier {
      try FleetChanges.write(
        from: "\(Self.directory(path, earlier))/results.csv", to: "\(parts)/results.csv",
        into: "\(parts)/changes.csv")
    }
    let summary = try FleetSummary(scan, entries, manifests: manifests(), at: started).json
    try Files.writeNew("\(parts)/summary.json", summary + [10], durable: true)
    try Files.syncDirectory(parts)
    try Files.rename(parts, to: place)
    try Files.syncDirectory("\(path)/results")
  }

  private func manifests() throws -> [Manifest] {
    try entries.map { entry in
      let bytes = try Files.read(ShardFiles(path, entry.shard).manifest, limit: Manifest.largest)
      // It was verified before the ledger's line was written.
      return try Manifest(
        body: SignedObject(parsing: bytes, "manifest", limit: Manifest.largest).body)
    }
  }

  private func mergeRows(into output: String) throws {
    let file = try Files.createNew(output)
    for (index, entry) in entries.enumerated() {
      try append(entry, to: file, withHeader: index == 0)
    }
    do throws(Errno) { try file.sync() } catch { throw Fault("cannot write \(output)", cause: error) }
  }

  private func append(_ entry: LedgerEntry, to file: borrowing Descriptor, withHeader: Bool) throws {
    let rows = ShardFiles(path, entry.shard).rows
    let source = try Files.openToRead(rows)
    var hasher = SHA256.Hasher()
    var isInHeader = !withHeader
    while case let piece = try Files.readPiece(source.number, name: rows, size: 1 << 20), !piece.isEmpty
    {
      hasher.add(piece.span)
      var start = 0
      if isInHeader {
        guard let end = piece.firstIndex(of: 10) else { continue }
        start = end + 1
        isInHeader = false
      }
      do throws(Errno) { try file.writeAll(piece, in: start..<piece.count) } catch {
        throw Fault("cannot write the merged results", cause: error)
      }
    }
    guard Digest(hasher) == entry.digest else {
      throw Fault(
        "\(rows) is not what the ledger says",
        detail: "its SHA-256 is \(Digest(hasher)), not \(entry.digest)",
        remedy: "Restore it from a backup: the ledger says that these results count")
    }
  }
}
