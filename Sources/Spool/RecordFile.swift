// Results and the answers behind them: files of whole records, whatever the disk does meanwhile.
import Kernel
import Synchronization

/// A file that grows by whole records. One thread appends; another may flush meanwhile.
public final class RecordFile: Sendable {
  /// A place in the file: everything before it is whole.
  public struct Mark: Hashable, Sendable {
    /// Bytes.
    public var length: UInt64 = 0
    /// CRC-32C over them.
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
    /// What lies behind `length` is the rest of a write that failed.
    var hasTail = false
  }

  /// Opens the file and cuts it back to `mark`; what came behind may be garbage after a power cut.
  ///
  /// nil when the file is shorter than that, or differs: then nothing has been changed.
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
    try state.withLock { (state) throws(Fault) in try cutTail(&state) }
  }

  /// Everything before this has been written, though perhaps not flushed.
  public var mark: Mark {
    state.withLock { Mark(length: $0.length, checksum: $0.checksum.value) }
  }

  /// Writes whole records, all of them or none: what a failed write has left is cut off again, at the latest
  /// before the next one.
  ///
  /// - Parameter pieces: what to write at a time; nil is all at once.
  public func append(_ records: [UInt8], pieces: [Range<Int>]? = nil) throws(Fault) {
    try state.withLock { (state) throws(Fault) in
      try cutTail(&state)
      do throws(Errno) {
        for piece in pieces ?? [0..<records.count] { try file.writeAll(records, in: piece) }
      } catch {
        state.hasTail = true
        try? cutTail(&state)
        throw Fault("cannot write to \(path)", cause: error)
      }
      state.length += UInt64(records.count)
      state.checksum.add(records)
    }
  }

  private func cutTail(_ state: inout State) throws(Fault) {
    guard state.hasTail else { return }
    do throws(Errno) {
      try file.truncate(to: state.length)
    } catch {
      throw Fault("cannot cut \(path) back to \(state.length) bytes", cause: error)
    }
    state.hasTail = false
  }

  /// Flushes to the device all that was appended before.
  public func sync() throws(Fault) {
    do throws(Errno) {
      try file.sync()
    } catch {
      throw Fault("cannot flush \(path)", cause: error)
    }
  }

  /// Hands all records to `body`, piece by piece; each piece but the last has a multiple of `size` bytes.
  public func read(recordSize size: Int, _ body: (ArraySlice<UInt8>) -> Void) throws(Fault) {
    precondition(Self.pieceSize % size == 0)
    do throws(Errno) {
      try file.seek(to: 0)
    } catch {
      throw Fault("cannot read \(path)", cause: error)
    }
    _ = try Self.read(file, path, limit: mark.length, body)
  }

  private static let pieceSize = 1 << 18

  /// Reads from where the file stands; how many bytes there were, `limit` at most.
  private static func read(
    _ file: borrowing Descriptor, _ path: String, limit: UInt64, _ body: (ArraySlice<UInt8>) -> Void
  ) throws(Fault) -> UInt64 {
    var total: UInt64 = 0
    var piece = [UInt8](repeating: 0, count: pieceSize)
    do throws(Errno) {
      while total < limit, let count = try file.read(into: &piece), count > 0 {
        let taken = Int(min(UInt64(count), limit - total))
        body(piece[..<taken])
        total += UInt64(taken)
      }
    } catch {
      throw Fault("cannot read \(path)", cause: error)
    }
    return total
  }
}
