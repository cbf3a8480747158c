// The collector's directory: what it knows, what boxes sent, and the results.
import Fleet
import Kernel
import Plan

/// A directory of one collector. For one thread, but for what `verify` and `merge` do.
public final class CollectorFolder: Sendable {
  public let path: String
  public let blobs: BlobFolder
  /// No second collector uses the directory meanwhile.
  private let lock: Descriptor
  private let ledger: Descriptor
  private let reading: Ledger.Reading

  private static let directories = ["blobs", "chunks", "shards", "results"]

  /// Opens a directory, and makes it if there is none. Only this user may read it.
  public init(_ path: String) throws {
    try Files.makeDirectory(path, mode: 0o700)
    guard let lock = try Files.lockDirectory(path) else {
      throw Fault(
        "another collector uses \(path)",
        remedy: "Stop it first: two ledgers would contradict each other")
    }
    for name in Self.directories { try Files.makeDirectory("\(path)/\(name)", mode: 0o700) }
    self.path = path
    self.lock = lock
    blobs = try BlobFolder("\(path)/blobs")
    ledger = try Files.openAppended("\(path)/ledger")
    reading = try Self.readLedger(ledger, "\(path)/ledger")
  }

  /// Reads the ledger, and cuts off a line that a power cut left half.
  private static func readLedger(_ file: borrowing Descriptor, _ path: String) throws -> Ledger.Reading
  {
    let bytes = try Files.read(descriptor: file.number, name: path, limit: 1 << 32)
    let reading = try Ledger.read(bytes)
    do throws(Errno) {
      if reading.length < bytes.count { try file.truncate(to: UInt64(reading.length)) }
      if reading.length == 0 { try file.writeAll(Ledger.header) }
      try file.sync()
    } catch {
      throw Fault("cannot write \(path)", cause: error)
    }
    try Files.syncDirectory(Files.parent(of: path))
    return reading
  }

  // MARK: What it knows

  /// Returns the generation of this process: greater than that of every earlier one.
  public func nextGeneration() throws(Fault) -> UInt64 {
    let file = "\(path)/generation"
    var last: UInt64 = 0
    if Files.kind(of: file) == .file {
      let text = String(decoding: try Files.read(file, limit: 64), as: UTF8.self)
      guard let number = UInt64(text.filter { !$0.isWhitespace }) else {
        throw Fault("cannot read \(file)", detail: "found no number")
      }
      last = number
    }
    let next = max(last + 1, Clock.realtime / 1_000_000_000)
    try Files.replace(file, with: Array("\(next)\n".utf8), durable: true)
    return next
  }

  /// All that earlier processes left.
  public func saved() throws -> CollectorMachine.Saved {
    var saved = CollectorMachine.Saved()
    if let bytes = try read("boxes.json") { saved.boxes = try CollectorMachine.boxes(parsing: bytes) }
    if let bytes = try read("scans.json") { saved.scans = try CollectorMachine.scans(parsing: bytes) }
    if let bytes = try read("deny-lists.json") {
      saved.denyLists = try CollectorMachine.denyLists(parsing: bytes)
    }
    saved.grants = try read("grants") ?? []
    saved.ledger = reading.entries
    saved.blobs = try blobs.list()
    for name in try Files.entries(of: "\(path)/chunks") {
      guard let box = name.text.flatMap({ BoxName($0) }) else { continue }
      saved.chunks[box] = try BlobFolder("\(path)/chunks/\(box)").list()
    }
    return saved
  }

  private func read(_ name: String) throws(Fault) -> [UInt8]? {
    guard Files.kind(of: "\(path)/\(name)") != nil else { return nil }
    return try Files.read("\(path)/\(name)", limit: CollectorMachine.largestFile)
  }

  public func save(_ boxes: [CollectorMachine.BoxRecord]) throws(Fault) {
    try replace("boxes.json", CollectorMachine.bytes(of: boxes))
  }

  public func save(_ scans: [CollectorMachine.SavedScan]) throws(Fault) {
    try replace("scans.json", CollectorMachine.bytes(of: scans))
  }

  public func save(denyLists: [[UInt8]]) throws(Fault) {
    try replace("deny-lists.json", CollectorMachine.bytes(ofDenyLists: denyLists))
  }

  private func replace(_ name: String, _ bytes: [UInt8]) throws(Fault) {
    try Files.replace("\(path)/\(name)", with: bytes, durable: true)
  }

  // MARK: Grants

  public func replaceGrants(_ bytes: [UInt8]) throws(Fault) {
    try Files.replace("\(path)/grants", with: bytes, durable: false)
  }

  /// It must outlive this process, not the boot: in the next one, no grant of this one counts.
  public func appendGrant(_ bytes: [UInt8]) throws(Fault) {
    let file = try Files.create("\(path)/grants", keepsContent: true)
    do throws(Errno) { try file.writeAll(bytes) } catch {
      throw Fault("cannot write \(path)/grants", cause: error)
    }
  }

  // MARK: Chunks

  /// The chunks of a box that count for nothing yet.
  public static func chunks(_ path: String, of box: BoxName, sweeps: Bool = true) throws(Fault)
    -> BlobFolder
  {
    try Files.makeDirectory("\(path)/chunks/\(box)", mode: 0o700)
    return try BlobFolder("\(path)/chunks/\(box)", sweeps: sweeps)
  }

  // MARK: The ledger

  /// Puts verified rows in their place, and then says so in the ledger.
  public func accept(_ entry: LedgerEntry) throws(Fault) {
    let files = ShardFiles(path, entry.shard)
    try files.accept(manifest: "\(path)/chunks/\(entry.box)/\(entry.manifest)")
    do throws(Errno) {
      try ledger.writeAll(entry.line)
      try ledger.sync()
    } catch {
      throw Fault("cannot write \(path)/ledger", cause: error)
    }
  }
}

/// The files of one shard: its rows, and the signed manifest that came with them.
struct ShardFiles {
  let directory: String
  let rows: String
  let manifest: String
  /// Rows that are checked and do not count yet.
  let unaccepted: String

  init(_ path: String, _ shard: ShardID) {
    directory = "\(path)/shards/\(shard.scan)"
    rows = "\(directory)/\(shard.number).csv"
    manifest = "\(directory)/\(shard.number).json"
    unaccepted = "\(rows).part"
  }

  /// - Parameter signed: where the manifest is.
  func accept(manifest signed: String) throws(Fault) {
    let bytes = try Files.read(signed, limit: Manifest.largest)
    try Files.replace(manifest, with: bytes, durable: true)
    try Files.rename(unaccepted, to: rows)
    try Files.syncDirectory(directory)
  }
}
