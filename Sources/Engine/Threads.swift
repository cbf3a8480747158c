// The threads of one scan.
import Kernel

/// A stack of threads. A linked list, because an array cannot hold noncopyable elements.
struct Threads: ~Copyable {
  private var head: Node?

  private final class Node {
    var thread: KernelThread?
    let next: Node?
    init(_ thread: consuming KernelThread, next: Node?) {
      self.thread = consume thread
      self.next = next
    }
  }

  mutating func append(_ thread: consuming KernelThread) {
    head = Node(thread, next: head)
  }

  mutating func popLast() -> KernelThread? {
    guard let node = head else { return nil }
    head = node.next
    return node.thread.take()
  }
}
