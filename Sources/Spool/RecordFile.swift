// Files of whole records (results and journal) that survive full disks and power cuts.
import Kernel
import Synchronization

/// A file that grows by whole records. One thread appends; another may flush at the same time.
public final class RecordFile: Sendable {
  /// A length up to which the file is intact, and the checksum of that part.
  public struct Mark: Hashable, Sendable {
    /// Bytes.
    public var length: UInt64 = 0
    /// CRC-32C.
    public var checksum = CRC32C().value

    public init() {}
    package init(length: UInt64, checksum: UInt32) { (self.length, self.checksum) = (length, checksum) }
  }

  public let path: String
  private let file: Descriptor
  private let state: Mutex<State>

  private struct State {
    var length: UInt64
    var checksum: CRC32C
    /// The file may be longer than `length`, by part of a failed write.
    var hasTail = false
  }

  /// Opens or creates the file and truncates it to `mark`, because its tail may hold garbage after a power cut.
  ///
  /// Returns nil, and changes nothing, if the file is shorter than the mark or has another checksum.
  public init?(_ path: String, at mark: Mark) throws(Fault) {
    let file = try Files.openAppended(path)
    if mark.length > 0 {
      var checksum = CRC32C()
      let length = try Self.read(file, path, limit: mark.length) { checksum.add($0) }
      guard length == mark.length, checksum.value == mark.checksum else { return nil }
    }
    self.path = path
    self.file = file
    state = Mutex(
      State(length: mark.length, checksum: CRC32C(continuing: mark.checksum), hasTail: true))
    try state.withLock { (state) throws(Fault) in try truncateTail(&state) }
  }

  /// The end of the last appended record. It has been written, but perhaps not flushed.
  public var mark: Mark {
    state.withLock { Mark(length: $0.length, checksum: $0.checksum.value) }
  }

  /// Writes whole records, all or none: the part that a failed write leaves is truncated, at the latest before the
  /// next append.
  ///
  /// - Parameter pieces: the ranges to write with one call each; nil writes everything at once.
  public func append(_ records: [UInt8], pieces: [Range<Int>]? = nil) throws(Fault) {
    try state.withLock { (state) throws(Fault) in
      try truncateTail(&state)
      do throws(Errno) {
        for piece in pieces ?? [0..<records.count] { try file.writeAll(records, in: piece) }
      } catch {
        state.hasTail = true
        try? truncateTail(&state)
        throw Fault("cannot write to \(path)", cause: error)
      }
      state.length += UInt64(records.count)
      state.checksum.add(records)
    }
  }

  private func truncateTail(_ state: inout State) throws(Fault) {
    guard state.hasTail else { return }
    do throws(Errno) {
      try file.truncate(to: state.length)
    } catch {
      throw Fault("cannot truncate \(path) to \(state.length) bytes", cause: error)
    }
    state.hasTail = false
  }

  /// Flushes everything appended so far to the device.
  public func sync() throws(Fault) {
    do throws(Errno) {
      try file.sync()
    } catch {
      throw Fault("cannot flush \(path)", cause: error)
    }
  }

  /// Calls `body` with the records, piece by piece; each piece but the last is a multiple of `size` bytes.
  public func read(recordSize size: Int, _ body: (ArraySlice<UInt8>) -> Void) throws(Fault) {
    precondition(Self.pieceSize % size == 0)
    try read(limit: .max, body)
  }

  /// Calls `body` with the first `limit` bytes, piece by piece.
  func read(limit: UInt64, _ body: (ArraySlice<UInt8>) -> Void) throws(Fault) {
    do throws(Errno) {
      try file.seek(to: 0)
    } catch {
      throw Fault("cannot read \(path)", cause: error)
    }
    _ = try Self.read(file, path, limit: min(limit, mark.length), body)
  }

  private static let pieceSize = 1 << 18

  /// Reads up to `limit` bytes from the current file offset. Returns how many there were.
  private static func read(
    _ file: borrowing Descriptor, _ path: String, limit: UInt64, _ body: (ArraySlice<UInt8>) -> Void
  ) throws(Fault) -> UInt64 {
    var total: UInt64 = 0
    var piece = [UInt8](repeating: 0, count: pieceSize)
    do throws(Errno) {
      while total < limit, let count = try file.read(into: &piece), count > 0 {
        let used = Int(min(UInt64(count), limit - total))
        body(piece[..<used])
        total += UInt64(used)
      }
    } catch {
      throw Fault("cannot read \(path)", cause: error)
    }
    return total
  }
}
