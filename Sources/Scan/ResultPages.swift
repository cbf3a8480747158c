// Results on their way to a file, so that a process which is killed leaves whole lines.
//
// write(2) of a file copies a page at a time, makes the file as much longer, and gives up between two pages
// when the process has been killed (Linux: mm/filemap.c, generic_perform_write). To a pipe up to PIPE_BUF
// bytes, also 4096, go at once or not at all (POSIX).
import Wire

/// Gathers lines, and cuts them into pieces for one write each, which hold whole lines and lie within one
/// page of the file.
///
/// JSON may have spaces between a line's end and its newline, and has them where the next line would lie in two
/// pages. CSV may not: the line across a page's end, one in some two hundred, is a piece of its own, and a kill
/// within the microsecond of its writing can leave it cut there. No other line can be cut.
public struct ResultPages: Sendable {
  private let formatter: ResultFormatter
  public private(set) var bytes: [UInt8] = []
  /// Where in a page of the file `bytes` begin.
  private var start: Int
  /// Where pieces end, but for the last.
  private var ends: [Int] = []
  /// Kept so that nothing is allocated for each flush.
  private var pieces: [Range<Int>] = []

  public static let pageSize = 4096

  /// - Parameters:
  ///   - position: bytes in the file so far; any for a pipe.
  ///   - beginsOutput: whether the header comes first.
  public init(_ formatter: ResultFormatter, position: Int, beginsOutput: Bool = true) {
    self.formatter = formatter
    start = position % Self.pageSize
    bytes.reserveCapacity(1 << 17)
    ends.reserveCapacity(64)
    pieces.reserveCapacity(64)
    if beginsOutput { bytes += formatter.header }
  }

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

  /// Spaces before the newline that ends at `line`.
  private mutating func pad(_ count: Int, before line: Int) {
    bytes.insert(contentsOf: repeatElement(UInt8(ascii: " "), count: count), at: line - 1)
  }

  /// Hands over all bytes with the pieces to write, in their order, and begins anew behind them. When `write`
  /// throws everything stays.
  public mutating func flush<Failure>(
    _ write: (_ bytes: [UInt8], _ pieces: [Range<Int>]) throws(Failure) -> Void
  ) throws(Failure) {
    guard !bytes.isEmpty else { return }
    let end = start + bytes.count
    let room = Self.pageSize - end % Self.pageSize
    // The next line may be the longest, and this is the last moment to make room for it.
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
