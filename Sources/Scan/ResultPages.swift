// Divides results into writes, so that a killed process leaves whole lines.
//
// write(2) to a file copies and extends it page by page, and stops between two pages if the process is killed (Linux,
// mm/filemap.c, generic_perform_write). A write of up to PIPE_BUF (4096) bytes to a pipe is atomic (POSIX).
import Wire

/// Collects lines, and divides them into pieces of whole lines that lie within one page of the file, for one write each.
///
/// In JSON, spaces before the newline keep the next line from crossing a page boundary. CSV allows no padding: a line that
/// crosses a boundary, about one in two hundred, is a piece of its own, and only it can be truncated by a kill.
public struct ResultPages: Sendable {
  private let formatter: ResultFormatter
  /// The lines not yet flushed.
  public private(set) var bytes: [UInt8] = []
  /// The offset of `bytes` in its page of the file.
  private var start: Int
  /// The ends of all pieces but the last.
  private var ends: [Int] = []
  /// Kept to avoid an allocation at each flush.
  private var pieces: [Range<Int>] = []

  public static let pageSize = 4096

  /// - Parameters:
  ///   - position: the length of the file in bytes; does not matter for a pipe.
  ///   - beginsOutput: whether to write the header first.
  public init(_ formatter: ResultFormatter, position: Int, beginsOutput: Bool = true) {
    self.formatter = formatter
    start = position % Self.pageSize
    bytes.reserveCapacity(1 << 17)
    ends.reserveCapacity(64)
    pieces.reserveCapacity(64)
    if beginsOutput { bytes += formatter.header }
  }

  /// Adds a result.
  public mutating func append(_ result: ScanResult) {
    let line = bytes.count
    formatter.append(result, to: &bytes)
    let length = bytes.count - line
    let room = Self.pageSize - (start + line) % Self.pageSize
    if length > room {
      if line > 0, formatter.format == .json {
        pad(room, before: line)
        ends.append(line + room)
      } else {
        if line > 0 { ends.append(line) }
        ends.append(bytes.count)
      }
    } else if length == room {
      ends.append(bytes.count)
    }
  }

  /// Inserts spaces before the newline that precedes offset `line`.
  private mutating func pad(_ count: Int, before line: Int) {
    bytes.insert(contentsOf: repeatElement(UInt8(ascii: " "), count: count), at: line - 1)
  }

  /// Passes all bytes and the pieces to write to `write`, in order, and then removes them. Keeps everything if `write`
  /// throws.
  public mutating func flush<Failure>(
    _ write: (_ bytes: [UInt8], _ pieces: [Range<Int>]) throws(Failure) -> Void
  ) throws(Failure) {
    guard !bytes.isEmpty else { return }
    let end = start + bytes.count
    let room = Self.pageSize - end % Self.pageSize
    // The next line may be the longest one, and after this flush it is too late to pad.
    if formatter.format == .json, room < formatter.longestLine { pad(room, before: bytes.count) }
    pieces.removeAll(keepingCapacity: true)
    var from = 0
    for to in ends where to > from {
      pieces.append(from..<to)
      from = to
    }
    if from < bytes.count { pieces.append(from..<bytes.count) }
    try write(bytes, pieces)
    start = (start + bytes.count) % Self.pageSize
    bytes.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
  }
}
