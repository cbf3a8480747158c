// Where results go: whole lines, in few writes.
import Kernel
import Scan
import Wire

/// Formats results into a buffer and writes it out. A line is written whole or not at all, so that the
/// output is well formed whenever the process ends.
struct ResultWriter: ~Copyable {
  private let output: Descriptor
  private let name: String
  private let formatter: ResultFormatter
  private var buffer: [UInt8] = []
  private(set) var written: UInt64 = 0

  /// - Parameter name: for errors.
  init(_ output: consuming Descriptor, name: String, formatter: ResultFormatter) {
    self.output = output
    self.name = name
    self.formatter = formatter
    buffer.reserveCapacity(1 << 17)
    buffer += formatter.header
  }

  mutating func write(_ result: Result) throws(Fault) {
    formatter.append(result, to: &buffer)
    written += 1
    if buffer.count >= 1 << 16 { try flush() }
  }

  mutating func flush() throws(Fault) {
    guard !buffer.isEmpty else { return }
    do throws(Errno) {
      try output.writeAll(buffer)
    } catch {
      throw Fault(
        "cannot write results to \(name)", cause: error,
        remedy: error.number == 32 ? "Its reader has gone" : nil)
    }
    buffer.removeAll(keepingCapacity: true)
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
