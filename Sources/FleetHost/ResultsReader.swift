// Reads results from their beginning, on a thread for the disk.
import Fleet
import Kernel

/// An open results.csv.
public final class ResultsReader: Sendable {
  private let file: Descriptor

  public init(_ file: consuming Descriptor) { self.file = file }

  /// Cuts the results into chunks.
  public func cut() throws -> ResultFacts {
    var (cutter, offset) = (ResultCutter(), UInt64(0))
    while case let piece = try read(at: offset), !piece.isEmpty {
      try cutter.add(piece)
      offset += UInt64(piece.count)
    }
    return try cutter.finish()
  }

  private func read(at offset: UInt64) throws(Fault) -> [UInt8] {
    do throws(Errno) { return try file.read(at: offset, count: 1 << 20) } catch {
      throw Fault("cannot read results.csv", cause: error)
    }
  }
}
