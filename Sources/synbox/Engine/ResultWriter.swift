// Where results go: whole lines, in few writes.
import Kernel
import Scan
import Wire

/// Formats results and writes them out. A line is written whole or not at all, so that the output is well
/// formed whenever the process ends, by SIGKILL too (`ResultPages`).
struct ResultWriter: ~Copyable {
  private let output: Descriptor
  private let name: String
  private var pages: ResultPages
  private(set) var written: UInt64 = 0

  /// - Parameters:
  ///   - position: octets that stand in the output already.
  ///   - name: for errors.
  init(
    _ output: consuming Descriptor, position: Int = 0, name: String, formatter: ResultFormatter
  ) {
    self.output = output
    self.name = name
    pages = ResultPages(formatter, position: position)
  }

  mutating func write(_ result: Result) throws(Fault) {
    pages.append(result)
    written += 1
    if pages.octets.count >= 1 << 16 { try flush() }
  }

  mutating func flush() throws(Fault) {
    do throws(Errno) {
      try pages.flush { (octets, piece) throws(Errno) in try output.writeAll(octets, in: piece) }
    } catch {
      throw Fault(
        "cannot write results to \(name)", cause: error,
        remedy: error.number == 32 ? "Its reader has gone" : nil)
    }
  }

  /// Flushed to the device: a power cut loses nothing that was written before.
  mutating func sync() throws(Fault) {
    try flush()
    do throws(Errno) {
      try output.sync()
    } catch {
      // Pipes and terminals cannot be synced, and need not.
      if error.number == 22 { return }
      throw Fault("cannot flush \(name)", cause: error)
    }
  }
}
