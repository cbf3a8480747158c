// Decompression of untrusted gzip and zstd files: the output is bounded, and every input byte is accounted for.
import CLinux

/// A compression format, recognised by a file's first bytes.
public enum Compression: String, Sendable, CaseIterable {
  /// RFC 1952, as gzip, pigz and bgzip write it.
  case gzip
  /// RFC 8878.
  case zstd

  /// Recognises the format; nil if it is neither.
  public init?(startOf bytes: [UInt8]) {
    // Deflate (8) is the only method. The upper three flag bits are reserved and must be zero.
    if bytes.starts(with: [0x1f, 0x8b, 8]), bytes.count > 3, bytes[3] & 0xe0 == 0 {
      self = .gzip
    } else if bytes.starts(with: [0x28, 0xb5, 0x2f, 0xfd]) {
      self = .zstd
    } else {
      return nil
    }
  }

  /// The file name's extension, without the dot.
  public var suffix: String { self == .gzip ? "gz" : "zst" }
}

/// Why data cannot be decompressed.
public enum DecompressionError: Error, Hashable, Sendable {
  /// The output exceeds the limit.
  case tooLarge(limit: Int)
  /// The input is truncated.
  case cutOff
  /// The input is corrupt, for the decoder's reason.
  case damaged(String)
  /// This many bytes follow the compressed data.
  case trailing(Int)
}

extension Compression {
  /// Returns the decompressed data. Decompresses twice, the first time only to count, so that data over the limit
  /// costs no memory and other data is allocated once.
  public func expand(_ bytes: [UInt8], limit: Int) throws(DecompressionError) -> [UInt8] {
    var count = 0
    try run(bytes) { (chunk) throws(DecompressionError) in
      count += chunk.count
      if count > limit { throw .tooLarge(limit: limit) }
      return true
    }
    var expanded: [UInt8] = []
    expanded.reserveCapacity(count)
    try run(bytes) { (chunk) throws(DecompressionError) in
      expanded += chunk
      return true
    }
    return expanded
  }

  /// Returns at most the first `limit` decompressed bytes, and fewer if an error comes first.
  public func head(_ bytes: [UInt8], limit: Int) -> [UInt8] {
    var head: [UInt8] = []
    try? run(bytes) { (chunk) throws(DecompressionError) in
      head += chunk.prefix(limit - head.count)
      return head.count < limit
    }
    return head
  }

  /// Passes the output in pieces to `take` until it returns false.
  private func run(
    _ bytes: [UInt8], _ take: (ArraySlice<UInt8>) throws(DecompressionError) -> Bool
  ) throws(DecompressionError) {
    let decompressor = try Decompressor(self)
    try decompressor.feed(bytes, isLast: true, take)
  }
}

/// Decompresses input that comes in pieces.
public final class Decompressor {
  private var gzip: GzipStream?
  private var zstd: ZstdStream?

  public init(_ kind: Compression) throws(DecompressionError) {
    switch kind {
    case .gzip: gzip = try GzipStream()
    case .zstd: zstd = try ZstdStream()
    }
  }

  /// Passes what the next piece of input expands to, in pieces, to `take` until it returns false.
  public func feed(
    _ input: [UInt8], isLast: Bool, _ take: (ArraySlice<UInt8>) throws(DecompressionError) -> Bool
  ) throws(DecompressionError) {
    try gzip?.run(input, isLast: isLast, take)
    try zstd?.run(input, isLast: isLast, take)
  }
}

private let pieceSize = 1 << 18

/// zlib's inflate, for a gzip file of one or more members.
@safe private struct GzipStream: ~Copyable {
  /// On the heap, because zlib's state points back to it.
  private let stream: UnsafeMutablePointer<z_stream>
  /// Whether the last member has ended: another one may follow.
  private var isBetweenMembers = false
  /// The first byte of what follows a member, if the piece of input ended with it.
  private var carried: [UInt8] = []

  init() throws(DecompressionError) {
    unsafe stream = .allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    guard unsafe clinux_inflate_begin(stream) == Z_OK else {
      unsafe stream.deallocate()
      throw .damaged("no memory for zlib")
    }
  }

  deinit {
    _ = unsafe inflateEnd(stream)
    unsafe stream.deallocate()
  }

  mutating func run(
    _ input: [UInt8], isLast: Bool, _ take: (ArraySlice<UInt8>) throws(DecompressionError) -> Bool
  ) throws(DecompressionError) {
    let bytes = carried.isEmpty ? input : carried + input
    carried = []
    var piece = [UInt8](repeating: 0, count: pieceSize)
    var at = 0
    while true {
      if isBetweenMembers {
        if at == bytes.count { return }
        if !isLast, bytes.count - at == 1 {
          carried = [bytes[at]]
          return
        }
        // Either another member follows, or trailing bytes.
        guard bytes[at...].starts(with: [0x1f, 0x8b]) else { throw .trailing(bytes.count - at) }
        _ = unsafe inflateReset(stream)
        isBetweenMembers = false
      }
      let (status, produced) = step(bytes, &at, &piece)
      if produced > 0, try !take(piece[..<produced]) { return }
      switch status {
      case Z_STREAM_END: isBetweenMembers = true
      case Z_OK: break
      case Z_BUF_ERROR where at == bytes.count:
        if isLast { throw .cutOff }
        return
      default:
        let reason = unsafe stream.pointee.msg.map { unsafe String(cString: $0) }
        throw .damaged(reason ?? "zlib error \(status)")
      }
    }
  }

  /// Calls inflate(3) once: consumes input from `at` and fills `piece` from its start.
  private func step(_ bytes: [UInt8], _ at: inout Int, _ piece: inout [UInt8]) -> (Int32, Int) {
    // zlib counts in 32 bits.
    let count = min(bytes.count - at, 1 << 30)
    let start = at
    let size = piece.count
    let status = unsafe bytes.withUnsafeBufferPointer { input in
      unsafe piece.withUnsafeMutableBufferPointer { output in
        unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress).map {
          unsafe $0 + start
        }
        unsafe stream.pointee.avail_in = UInt32(count)
        unsafe stream.pointee.next_out = output.baseAddress
        unsafe stream.pointee.avail_out = UInt32(size)
        return unsafe inflate(stream, Z_NO_FLUSH)
      }
    }
    at += count - Int(unsafe stream.pointee.avail_in)
    return (status, size - Int(unsafe stream.pointee.avail_out))
  }
}

/// libzstd's streaming decoder, for one or more frames. It rejects frames with a window of more than 128 MiB.
@safe private struct ZstdStream: ~Copyable {
  private let stream: OpaquePointer
  /// Whether all frames so far are complete, and all of their output was returned.
  private var isBetweenFrames = false

  init() throws(DecompressionError) {
    guard let stream = unsafe ZSTD_createDStream() else { throw .damaged("no memory for zstd") }
    unsafe self.stream = stream
  }

  deinit { _ = unsafe ZSTD_freeDStream(stream) }

  mutating func run(
    _ bytes: [UInt8], isLast: Bool, _ take: (ArraySlice<UInt8>) throws(DecompressionError) -> Bool
  ) throws(DecompressionError) {
    if bytes.isEmpty, isBetweenFrames { return }
    var piece = [UInt8](repeating: 0, count: pieceSize)
    var at = 0
    while true {
      let before = at
      let (status, produced) = step(bytes, &at, &piece)
      if ZSTD_isError(status) != 0 {
        throw .damaged(unsafe String(cString: ZSTD_getErrorName(status)))
      }
      if produced > 0, try !take(piece[..<produced]) { return }
      // 0 means that a frame is complete and all of its output was returned.
      isBetweenFrames = status == 0
      if isBetweenFrames, at == bytes.count { return }
      if at == before, produced == 0 {
        if isLast { throw .cutOff }
        return
      }
    }
  }

  private func step(_ bytes: [UInt8], _ at: inout Int, _ piece: inout [UInt8]) -> (Int, Int) {
    let start = at
    let result = unsafe bytes.withUnsafeBytes { input in
      unsafe piece.withUnsafeMutableBytes { output in
        var source = unsafe ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: start)
        var target = unsafe ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        let status = unsafe ZSTD_decompressStream(stream, &target, &source)
        return unsafe (status: status, at: source.pos, produced: target.pos)
      }
    }
    at = result.at
    return (result.status, result.produced)
  }
}
