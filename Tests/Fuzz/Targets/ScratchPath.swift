// Where a target puts its files.
import Kernel
import Synchronization

enum ScratchPath {
  private static let count = Atomic<Int>(0)
  /// In memory if possible, because flushing each step to a disk is slow.
  private static let parent = Files.kind(of: "/dev/shm") == .directory ? "/dev/shm" : "/tmp"

  /// Returns a path of its own for each run of a target, because tests run them in parallel.
  static func next() -> String {
    "\(parent)/synbox-fuzz.\(processID())-\(count.add(1, ordering: .relaxed).newValue)"
  }
}
