// How far PID 1 has brought up the box, as seen by the scanner that it starts early in the boot.
import Kernel

/// A pipe from PID 1. It carries one byte when the NIC is ready, and ends when the data partition is mounted.
/// If either never happens, PID 1 kills this process.
struct BootProgress: ~Copyable {
  private let pipe: Descriptor
  private var buffer = [UInt8](repeating: 0, count: 16)

  /// - Parameter number: an inherited descriptor.
  init(_ number: Int32) throws(Fault) {
    pipe = try Descriptor.inherited(number)
  }

  mutating func awaitInterface() throws(Fault) { _ = try read() }

  mutating func awaitData() throws(Fault) {
    while try read() > 0 {}
  }

  /// Waits for bytes and returns their number, or 0 at the end of the pipe.
  private mutating func read() throws(Fault) -> Int {
    do throws(Errno) {
      while true {
        if let count = try pipe.read(into: &buffer) { return count }
        waitForAny([pipe.number], milliseconds: 1000)
      }
    } catch {
      throw Fault("cannot read the boot's progress from PID 1", cause: error)
    }
  }
}
