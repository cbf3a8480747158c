// Checks the results of one shard, and writes its rows beside their place.
import Fleet
import Kernel
import Plan

/// For a thread of its own: it reads all chunks of a shard.
public struct ShardCheck: Sendable {
  private let path: String

  /// - Parameter path: the collector's directory.
  public init(_ path: String) { self.path = path }

  public func run(_ verification: CollectorMachine.Verification, plan: FleetPlan) throws
    -> CollectorMachine.Finding
  {
    let manifest = verification.manifest
    let chunks = try CollectorFolder.chunks(path, of: manifest.box, sweeps: false)
    let missing = manifest.chunks.map(\.digest).filter { !chunks.contains($0) }
    guard missing.isEmpty else { return .missing(missing) }
    let files = ShardFiles(path, manifest.shard)
    try Files.makeDirectory(files.directory, mode: 0o700)
    let output = try Files.createNew(files.unaccepted)
    do {
      var verifier = ShardVerifier(plan, manifest)
      for chunk in manifest.chunks {
        guard let bytes = try chunks.read(chunk.digest, limit: FleetSubject.largestPiece),
          Digest(of: bytes) == chunk.digest
        else { return .missing([chunk.digest]) }
        try verifier.add(bytes)
        try Self.write(bytes, to: output, files.unaccepted)
      }
      try verifier.finish()
    } catch let error as FleetError {
      return .refused(error.description)
    }
    try Files.sync(files.unaccepted)
    return ShardVerifier.finding(plan, manifest, denied: try denied(verification.denyLists))
  }

  private static func write(_ bytes: [UInt8], to file: borrowing Descriptor, _ path: String)
    throws(Fault)
  {
    do throws(Errno) { try file.writeAll(bytes) } catch {
      throw Fault("cannot write \(path)", cause: error)
    }
  }

  /// All that was ever denied.
  private func denied(_ lists: [DenyObject]) throws -> AddressSet {
    let files = PlanFiles("\(path)/blobs")
    var denied = AddressSet()
    for list in lists where list.size > 0 { denied = denied.union(try files.denyList(list.digest)) }
    return denied
  }
}
