// Temporary network namespaces, the only place where these tests send anything.
import Foundation
import Kernel
import LabSupport
import NIC

/// Two network namespaces with a veth pair between them: `v0` here, `v1` in the peer, with four queues each, both down
/// and without addresses. Deleted when the test ends, whether or not it succeeds.
struct VethPair: Sendable {
  let name: String
  var peer: String { "\(name)-peer" }

  /// Runs `ip COMMAND` in this namespace.
  func ip(_ command: String) throws { try Self.ip("-n \(name) \(command)") }

  /// Runs `ip COMMAND` in the peer's namespace.
  func peerIP(_ command: String) throws { try Self.ip("-n \(peer) \(command)") }

  /// Brings both ends up, with 198.18.0.1/15 here and 198.18.0.2/15 in the peer. Call this from the body of `run`.
  func connect() throws {
    try ip("address add 198.18.0.1/15 dev v0")
    try ip("link set v0 up")
    try peerIP("address add 198.18.0.2/15 dev v1")
    try peerIP("link set v1 up")
    try peerIP("link set lo up")
    _ = try NetworkControl().waitForCarrier(of: "v0", milliseconds: 20_000)
  }

  /// Creates a lab, runs `body` inside it on a new thread, and deletes the lab. Needs root.
  static func run(_ body: @escaping @Sendable (VethPair) throws -> Void) async throws {
    guard geteuid() == 0 else {
      throw Fault("this test needs root: it makes network namespaces", remedy: "sudo make test")
    }
    let lab = VethPair(name: Lab.uniqueName())
    defer { for name in [lab.name, lab.peer] { try? ip("netns delete \(name)") } }
    for name in [lab.name, lab.peer] { try ip("netns add \(name)") }
    try lab.ip(
      "link add v0 numrxqueues 4 numtxqueues 4 type veth"
        + " peer name v1 numrxqueues 4 numtxqueues 4 netns \(lab.peer)")

    let task = Task(executorPreference: OwnThread()) {
      precondition(OwnThread.isCurrent, "a pooled thread must not change its namespace")
      try NetworkNamespace.enter("/run/netns/\(lab.name)")
      try body(lab)
    }
    try await task.value
  }

  private static func ip(_ command: String) throws {
    try mustRun(["ip"] + command.split(separator: " ").map(String.init))
  }
}

/// Runs each job on a new thread rather than a pooled one, because the thread stays in the namespace until it ends. A
/// task inherits the task-local values of its creator, so expectations still belong to their test.
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
  /// Applies a profile to the current state of the interface `name`.
  func apply(_ profile: InterfaceProfile, to name: String) throws(Fault) -> ApplyReport {
    try apply(profile, to: try state(of: name))
  }
}
