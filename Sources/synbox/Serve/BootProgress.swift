// What PID 1 says to the first scanner of a boot, which it starts while it brings up the rest of the box.
import Kernel

/// A pipe: a byte once the NIC is there, the end once the data are mounted. Where one of them does not come, PID 1
/// kills who waits.
struct BootProgress: ~Copyable {
  private let pipe: Descriptor
  private var buffer = [UInt8](repeating: 0, count: 16)

  /// - Parameter number: the inherited descriptor.
  init(_ number: Int32) throws(Fault) {
    pipe = try Descriptor.inherited(number)
  }

  mutating func awaitInterface() throws(Fault) { _ = try next() }

  mutating func awaitData() throws(Fault) {
    while try next() > 0 {}
  }

  /// How many bytes came; 0 at the end.
  private mutating func next() throws(Fault) -> Int {
    do throws(Errno) {
      while true {
        if let count = try pipe.read(into: &buffer) { return count }
        waitForAny([pipe.number], milliseconds: 1000)
      }
    } catch {
      throw Fault("cannot learn how far the box has come", cause: error)
    }
  }
}
