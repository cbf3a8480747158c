// Files that were compressed with gzip or zstd, taken apart without trust: bounded, and every byte accounted for.
import CLinux

/// What a file was compressed with, told by its first bytes.
public enum Compression: String, Sendable, CaseIterable {
  /// RFC 1952, as gzip, pigz and bgzip write it.
  case gzip
  /// RFC 8878.
  case zstd

  /// nil where the file starts like neither.
  public init?(startOf bytes: [UInt8]) {
    // Method 8 is the only one there is; of the flags three bits are reserved, and zero.
    if bytes.starts(with: [0x1f, 0x8b, 8]), bytes.count > 3, bytes[3] & 0xe0 == 0 {
      self = .gzip
    } else if bytes.starts(with: [0x28, 0xb5, 0x2f, 0xfd]) {
      self = .zstd
    } else {
      return nil
    }
  }

  /// The name's ending without the dot.
  public var suffix: String { self == .gzip ? "gz" : "zst" }
}

/// Why compressed data cannot be taken apart.
public enum DecompressionError: Error, Hashable, Sendable {
  /// More comes out than was allowed.
  case tooLarge(limit: Int)
  /// The data ends in the middle.
  case cutOff
  /// The decoder's reason.
  case damaged(String)
  /// So many bytes follow that belong to nothing.
  case trailing(Int)
}

extension Compression {
  /// All that was compressed. Takes it apart twice: first only to count, so that what is too large costs
  /// time but no memory, and what is not is allocated once.
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

  /// At most so many bytes of the beginning; what comes before anything that is wrong.
  public func head(_ bytes: [UInt8], limit: Int) -> [UInt8] {
    var head: [UInt8] = []
    try? run(bytes) { (chunk) throws(DecompressionError) in
      head += chunk.prefix(limit - head.count)
      return head.count < limit
    }
    return head
  }

  /// Hands on what comes out, in pieces, until `take` wants no more.
  private func run(
    _ bytes: [UInt8], _ take: (ArraySlice<UInt8>) throws(DecompressionError) -> Bool
  ) throws(DecompressionError) {
    switch self {
    case .gzip:
      var stream = try GzipStream()
      try stream.run(bytes, take)
    case .zstd:
      let stream = try ZstdStream()
      try stream.run(bytes, take)
    }
  }
}

private let pieceSize = 1 << 18

/// zlib's inflate over a gzip file of one or more members.
@safe private struct GzipStream: ~Copyable {
  /// On the heap: zlib's own state points back to it.
  private let stream: UnsafeMutablePointer<z_stream>

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
    _ bytes: [UInt8], _ take: (ArraySlice<UInt8>) throws(DecompressionError) -> Bool
  ) throws(DecompressionError) {
    var piece = [UInt8](repeating: 0, count: pieceSize)
    var at = 0
    while true {
      let (status, produced) = step(bytes, &at, &piece)
      if produced > 0, try !take(piece[..<produced]) { return }
      switch status {
      case Z_STREAM_END:
        if at == bytes.count { return }
        // Another member, or nothing that belongs here.
        guard bytes[at...].starts(with: [0x1f, 0x8b]) else { throw .trailing(bytes.count - at) }
        _ = unsafe inflateReset(stream)
      case Z_OK: break
      case Z_BUF_ERROR where at == bytes.count: throw .cutOff
      default:
        let reason = unsafe stream.pointee.msg.map { unsafe String(cString: $0) }
        throw .damaged(reason ?? "zlib's error \(status)")
      }
    }
  }

  /// One call of inflate(3): consumes from `at` on, fills `piece` from its start.
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

/// libzstd's streaming decoder over one or more frames. A frame that wants a window of more than 128 MB is
/// refused, as the library does by itself.
@safe private struct ZstdStream: ~Copyable {
  private let stream: OpaquePointer

  init() throws(DecompressionError) {
    guard let stream = unsafe ZSTD_createDStream() else { throw .damaged("no memory for zstd") }
    unsafe self.stream = stream
  }

  deinit { _ = unsafe ZSTD_freeDStream(stream) }

  func run(_ bytes: [UInt8], _ take: (ArraySlice<UInt8>) throws(DecompressionError) -> Bool)
    throws(DecompressionError)
  {
    var piece = [UInt8](repeating: 0, count: pieceSize)
    var at = 0
    while true {
      let before = at
      let (status, produced) = step(bytes, &at, &piece)
      if ZSTD_isError(status) != 0 {
        throw .damaged(unsafe String(cString: ZSTD_getErrorName(status)))
      }
      if produced > 0, try !take(piece[..<produced]) { return }
      // 0: a frame is complete and all of it was handed out.
      if status == 0, at == bytes.count { return }
      if at == before, produced == 0 { throw .cutOff }
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
