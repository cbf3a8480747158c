// Throw-away network namespaces: the only place where these tests send anything.
import Foundation
import Kernel
import NIC
import Synchronization

/// Two namespaces with a veth pair between them: `v0` here, `v1` in the peer, four queues each, both down,
/// without addresses. Deleted when the test ends, however it ends.
struct Lab: Sendable {
  let name: String
  var peer: String { "\(name)-peer" }

  /// Runs `ip` in this namespace with the words of `command`.
  func ip(_ command: String) throws { try Self.ip("-n \(name) \(command)") }

  /// Runs `ip` in the peer's namespace.
  func peerIP(_ command: String) throws { try Self.ip("-n \(peer) \(command)") }

  /// Brings both ends up with 198.18.0.1/15 here and 198.18.0.2/15 there. Only for the
  /// thread that `run` made.
  func connect() throws {
    try ip("address add 198.18.0.1/15 dev v0")
    try ip("link set v0 up")
    try peerIP("address add 198.18.0.2/15 dev v1")
    try peerIP("link set v1 up")
    try peerIP("link set lo up")
    _ = try NetworkControl().waitForCarrier(of: "v0", milliseconds: 5_000)
  }

  private static let count = Atomic<Int>(0)

  /// Makes a lab, runs `body` on a thread of its own inside it, deletes the lab, returns the result.
  /// Without root it throws a sentence: nothing is skipped.
  static func run(_ body: @escaping @Sendable (Lab) throws -> Void) async throws {
    guard geteuid() == 0 else {
      throw Fault("this test needs root: it makes network namespaces", remedy: "sudo make test")
    }
    _ = sweep
    let number = count.add(1, ordering: .relaxed).newValue
    let lab = Lab(name: "synbox-test-\(getpid())-\(number)")
    defer { for name in [lab.name, lab.peer] { try? ip("netns delete \(name)") } }
    for name in [lab.name, lab.peer] { try ip("netns add \(name)") }
    try lab.ip(
      "link add v0 numrxqueues 4 numtxqueues 4 type veth"
        + " peer name v1 numrxqueues 4 numtxqueues 4 netns \(lab.peer)")

    let task = Task(executorPreference: OwnThread()) {
      precondition(OwnThread.isCurrent, "a pooled thread would be lost")
      try NetworkNamespace.enter("/run/netns/\(lab.name)")
      try body(lab)
    }
    try await task.value
  }

  /// Deletes what test runs that crashed have left, once: namespaces of processes that are no more.
  private static let sweep: Void = {
    let names = (try? SmallFile.names(in: "/run/netns")) ?? []
    for name in names where name.hasPrefix("synbox-test-") {
      let process = name.split(separator: "-")[2]
      if !FileManager.default.fileExists(atPath: "/proc/\(process)") { try? ip("netns delete \(name)") }
    }
  }()

  private static func ip(_ command: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/sbin/ip")
    process.arguments = command.split(separator: " ").map(String.init)
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Fault("`ip \(command)` ended with \(process.terminationStatus)")
    }
  }
}

/// Runs each job on a new thread, and never on one of a pool: the thread takes the namespace with it to
/// its end. A task inherits its maker's local values, so expectations inside still belong to their test.
private final class OwnThread: TaskExecutor {
  private static let mark = "lab"

  static var isCurrent: Bool { Thread.current.threadDictionary[mark] != nil }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    Thread {
      Thread.current.threadDictionary[Self.mark] = true
      unsafe job.runSynchronously(on: self.asUnownedTaskExecutor())
    }.start()
  }
}

extension NetworkControl {
  /// Applies a profile to the interface of this name as it is now.
  func apply(_ profile: InterfaceProfile, to name: String) throws(Fault) -> ApplyReport {
    try apply(profile, to: try state(of: name))
  }
}
