// Compression of files on their way to a client.
import CLinux

/// Compresses bytes that come in pieces, fast rather than small.
public final class Compressor {
  private var gzip: GzipWriter?
  private var zstd: ZstdWriter?

  /// - Throws: a `Fault` if memory is short.
  public init(_ kind: Compression) throws(Fault) {
    switch kind {
    case .gzip: gzip = try GzipWriter()
    case .zstd: zstd = try ZstdWriter()
    }
  }

  /// Takes the next piece. Returns what can be sent so far; with the last piece, all of the rest.
  public func add(_ piece: [UInt8], isLast: Bool) throws(Fault) -> [UInt8] {
    if let output = try gzip?.add(piece, isLast) { return output }
    return try zstd?.add(piece, isLast) ?? []
  }
}

private let outputSize = 1 << 17

/// zlib's deflate.
@safe private struct GzipWriter: ~Copyable {
  /// On the heap, because zlib's state points back to it.
  private let stream: UnsafeMutablePointer<z_stream>

  init() throws(Fault) {
    unsafe stream = .allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    guard unsafe clinux_deflate_begin(stream, Z_BEST_SPEED) == Z_OK else {
      unsafe stream.deallocate()
      throw Fault("zlib has no memory")
    }
  }

  deinit {
    _ = unsafe deflateEnd(stream)
    unsafe stream.deallocate()
  }

  func add(_ piece: [UInt8], _ isLast: Bool) throws(Fault) -> [UInt8] {
    precondition(piece.count < 1 << 30)
    var piece = piece
    var output: [UInt8] = []
    var room = [UInt8](repeating: 0, count: outputSize)
    var status = Z_OK
    var hasMore = false
    unsafe piece.withUnsafeMutableBytes { input in
      unsafe stream.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
      unsafe stream.pointee.avail_in = UInt32(input.count)
      repeat {
        let produced = unsafe room.withUnsafeMutableBytes { target in
          unsafe stream.pointee.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
          unsafe stream.pointee.avail_out = UInt32(target.count)
          status = unsafe deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
          return unsafe target.count - Int(stream.pointee.avail_out)
        }
        output += room[..<produced]
        hasMore = unsafe status == Z_OK && stream.pointee.avail_out == 0
      } while hasMore
      unsafe stream.pointee.next_in = nil
    }
    // Z_BUF_ERROR: there was nothing to do.
    guard status == Z_OK || status == Z_BUF_ERROR || status == Z_STREAM_END else {
      throw Fault("zlib cannot compress: error \(status)")
    }
    return output
  }
}

/// libzstd's streaming compressor.
@safe private struct ZstdWriter: ~Copyable {
  private let stream: OpaquePointer

  init() throws(Fault) {
    guard let stream = unsafe ZSTD_createCCtx() else { throw Fault("libzstd has no memory") }
    unsafe self.stream = stream
    // Level 1 with a window of 512 KiB needs less than 2 MiB.
    _ = unsafe ZSTD_CCtx_setParameter(stream, ZSTD_c_compressionLevel, 1)
    _ = unsafe ZSTD_CCtx_setParameter(stream, ZSTD_c_windowLog, 19)
    _ = unsafe ZSTD_CCtx_setParameter(stream, ZSTD_c_checksumFlag, 1)
  }

  deinit { _ = unsafe ZSTD_freeCCtx(stream) }

  func add(_ piece: [UInt8], _ isLast: Bool) throws(Fault) -> [UInt8] {
    var output: [UInt8] = []
    var room = [UInt8](repeating: 0, count: outputSize)
    var (consumed, remaining) = (0, 0)
    repeat {
      let produced = unsafe piece.withUnsafeBytes { input in
        unsafe room.withUnsafeMutableBytes { target in
          var source = unsafe ZSTD_inBuffer(
            src: input.baseAddress, size: input.count, pos: consumed)
          var sink = unsafe ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
          remaining = unsafe ZSTD_compressStream2(
            stream, &sink, &source, isLast ? ZSTD_e_end : ZSTD_e_continue)
          consumed = unsafe source.pos
          return unsafe sink.pos
        }
      }
      if ZSTD_isError(remaining) != 0 { throw Fault("libzstd cannot compress") }
      output += room[..<produced]
    } while isLast ? remaining > 0 : consumed < piece.count
    return output
  }
}
