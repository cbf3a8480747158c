// Waking one thread from another (eventfd(2)).
import CLinux

/// Wakes a thread that waits for `number` to become readable.
///
/// The waiting thread says so first, and then checks once more for work: a signal between the two is not lost, and a
/// thread that is not waiting costs its producers no system call.
public final class Wakeup: Sendable {
  private let descriptor: Descriptor
  /// The descriptor to poll.
  public var number: Int32 { descriptor.number }

  /// Opens the descriptor. Call it before the drop: the filter does not allow eventfd2.
  public init() throws(Fault) {
    let number = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
    guard number >= 0 else { throw Fault("cannot open an eventfd", cause: .last) }
    descriptor = Descriptor(owning: number)
  }

  /// Wakes the thread that waits, or the next that will.
  public func signal() {
    var one: UInt64 = 1
    _ = unsafe CLinux.write(descriptor.number, &one, MemoryLayout<UInt64>.size)
  }

  /// Waits for a signal, for at most `milliseconds`, and takes it.
  public func wait(milliseconds: Int) {
    guard waitReadable(descriptor.number, milliseconds: milliseconds) else { return }
    var count: UInt64 = 0
    _ = unsafe CLinux.read(descriptor.number, &count, MemoryLayout<UInt64>.size)
  }
}
