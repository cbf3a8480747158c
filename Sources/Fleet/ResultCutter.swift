// Cutting results.csv into chunks: the same file gives the same chunks, whoever cuts it and in whatever pieces it is read.
import Plan

/// What a manifest says about results.csv.
public struct ResultFacts: Hashable, Sendable {
  /// Lines without the header.
  public var rows: UInt64
  /// Bytes.
  public var size: UInt64
  public var digest: Digest
  public var chunks: [ChunkReference]

  public init(rows: UInt64, size: UInt64, digest: Digest, chunks: [ChunkReference]) {
    self.rows = rows
    self.size = size
    self.digest = digest
    self.chunks = chunks
  }
}

/// Reads results.csv piece by piece. A chunk ends at the last line end that fits.
public struct ResultCutter: Sendable {
  private let largest: Int
  private var pending: [UInt8] = []
  private var lines: UInt64 = 0
  private var size: UInt64 = 0
  private var whole = SHA256.Hasher()
  private var chunks: [ChunkReference] = []

  public init(largestChunk: Int = FleetSubject.largestPiece) { largest = largestChunk }

  /// Throws if a line is longer than a chunk.
  public mutating func add(_ piece: [UInt8]) throws(FleetError) {
    whole.add(piece.span)
    size += UInt64(piece.count)
    for byte in piece where byte == 10 { lines += 1 }
    pending += piece
    while pending.count > largest { try cut() }
  }

  private mutating func cut() throws(FleetError) {
    guard let end = pending[..<min(largest, pending.count)].lastIndex(of: 10) else {
      throw FleetError("results.csv: a line longer than \(largest) bytes")
    }
    let chunk = Array(pending[...end])
    chunks.append(ChunkReference(digest: Digest(of: chunk), size: UInt64(chunk.count)))
    pending.removeFirst(chunk.count)
  }

  /// Throws unless the file has a header and ends with a line end.
  public consuming func finish() throws(FleetError) -> ResultFacts {
    guard pending.isEmpty || pending.last == 10, lines > 0 else {
      throw FleetError("results.csv: expected a header, and a line end at the end")
    }
    while !pending.isEmpty { try cut() }
    guard chunks.count <= Manifest.mostChunks else {
      throw FleetError("results.csv: \(size) bytes are too much for one shard; use more shards")
    }
    return ResultFacts(rows: lines - 1, size: size, digest: Digest(whole), chunks: chunks)
  }
}
