// Target files compressed with gzip or zstd.
import Kernel
import Plan
import Spool

/// The limit of decompressed bytes. Larger outputs show nothing new.
private let limit = 1 << 16

extension FuzzTarget {
  /// The result is a printable error, or bytes within the limit that agree with `head`. A file that is neither
  /// compressed nor named so is taken as it is.
  static let compressed = FuzzTarget("compressed", maximumLength: 1024) { bytes in
    let found = Compression(startOf: bytes)
    for name in ["net.txt", "net.txt.gz", "net.bin.zst", "net.bin"] {
      let content: TargetContent
      do throws(InputError) {
        content = try TargetContent(bytes, name: name, limit: limit)
      } catch {
        try requirePrintable(error.description)
        let promises = name.hasSuffix(".gz") || name.hasSuffix(".zst")
        try require(name != "net.bin" && (found != nil || promises), "\(name): \(error)")
        continue
      }
      try requireContent(content.bytes, of: bytes, name, found)
      if name != "net.bin" { try requirePieces(content.bytes, of: bytes, found) }
      try require(
        (content.format == .binary) == (name == "net.bin.zst"), "\(name) is \(content.format)")
    }
  }

  private static func requireContent(
    _ content: [UInt8], of bytes: [UInt8], _ name: String, _ found: Compression?
  ) throws {
    guard name != "net.bin", let found else {
      return try require(content == bytes, "\(name) changes")
    }
    try require(content.count <= limit, "\(content.count) bytes of \(limit)")
    for count in [0, 1, content.count / 2, content.count, limit] {
      try require(
        found.head(bytes, limit: count) == Array(content.prefix(count)), "another beginning")
    }
    try require(
      count(of: found, bytes, limit: content.count) == content.count, "its own length is too much")
    let tooLarge = content.isEmpty ? nil : count(of: found, bytes, limit: content.count - 1)
    try require(tooLarge == nil, "\(content.count) bytes within \(content.count - 1)")
  }

  /// Expanding piece by piece gives the same.
  private static func requirePieces(_ content: [UInt8], of bytes: [UInt8], _ found: Compression?) throws
  {
    guard let found, content.count > 0, bytes.count > 0 else { return }
    for size in [1, 7, 100] {
      let decompressor = try Decompressor(found)
      var expanded: [UInt8] = []
      for start in stride(from: 0, to: bytes.count, by: size) {
        let end = min(start + size, bytes.count)
        try decompressor.feed(Array(bytes[start..<end]), isLast: end == bytes.count) {
          (piece) throws(DecompressionError) in
          expanded += piece
          return true
        }
      }
      try require(expanded == content, "other bytes in pieces of \(size)")
    }
  }

  private static func count(of kind: Compression, _ bytes: [UInt8], limit: Int) -> Int? {
    try? kind.expand(bytes, limit: limit).count
  }
}
