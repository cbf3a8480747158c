// Network namespaces (network_namespaces(7)).
import CLinux

/// A network namespace, which exists at least as long as this value.
///
/// A thread is in one. What it creates belongs to that one for good: sockets, processes, threads. The files that it finds
/// in /proc/sys/net belong to it, too; those in /sys belong to the namespace in which /sys was mounted. Changing the
/// namespace needs CAP_SYS_ADMIN.
public final class NetworkNamespace: Sendable {
  private static let own = "/proc/thread-self/ns/net"

  private let file: Descriptor
  /// By which the kernel tells namespaces apart, as in `net:[4026531840]`.
  public let identity: UInt64

  /// Opens a namespace by a file such as `/run/netns/NAME` or `/proc/PID/ns/net`.
  public init(_ path: String) throws(Errno) {
    let file = Descriptor(
      owning: try syscall { unsafe clinux_open(path, O_RDONLY | O_CLOEXEC, 0) })
    identity = Files.status(of: file)?.inode ?? 0
    self.file = file
  }

  /// Opens the namespace of the calling thread.
  public static func current() throws(Errno) -> NetworkNamespace { try NetworkNamespace(own) }

  /// Makes a namespace, which has only a `lo` that is down. The calling thread stays in its own.
  public static func make() throws(Fault) -> NetworkNamespace {
    do throws(Errno) {
      let before = try current()
      try syscall { clinux_new_network_namespace() }
      defer { before.mustEnter() }
      return try current()
    } catch {
      throw Fault("cannot make a network namespace", cause: error)
    }
  }

  /// The descriptor's number, to borrow.
  public var number: Int32 { file.number }

  /// Moves the calling thread into this namespace. Use a dedicated thread: one of a pool would keep the namespace for
  /// other work.
  public func enter() throws(Errno) {
    let number = file.number
    try syscall { clinux_enter_network_namespace(number) }
  }

  /// Moves the calling thread into the namespace of a file.
  public static func enter(_ path: String) throws(Errno) { try NetworkNamespace(path).enter() }

  /// Runs `body` in this namespace, and returns to that of the calling thread. `body` must not suspend or start threads
  /// that do more than `body` does.
  public func run<Result: ~Copyable>(_ body: () throws(Fault) -> Result) throws(Fault) -> Result {
    let before: NetworkNamespace
    do throws(Errno) {
      before = try Self.current()
      try enter()
    } catch {
      throw Fault("cannot enter a network namespace", cause: error)
    }
    defer { before.mustEnter() }
    return try body()
  }

  /// Traps on failure, because the thread would do its further work in the wrong namespace.
  private func mustEnter() {
    do throws(Errno) {
      try enter()
    } catch {
      preconditionFailure("cannot return to the network namespace: \(error)")
    }
  }

  /// Returns the identity of the namespace of a thread; nil if the thread has ended.
  public static func identity(ofTask task: Int32, in process: Int32) -> UInt64? {
    Files.statusOfTarget(of: "/proc/\(process)/task/\(task)/ns/net")?.inode
  }
}
