// Two network namespaces joined by a multi-queue veth pair, with no way out and no IP addresses: what is
// sent in one arrives in the other and nowhere else.

import Foundation
import Kernel
import LabSupport
import Synchronization
import Testing
import Wire

/// The namespaces of one test.
final class Lab: Sendable {
  /// The scanner's namespace, whose interface is `scan0`, and the target node's, whose interface is `peer0`.
  let scanner: String
  let peer: String

  /// Creates a lab for `body` and removes it, whether or not `body` throws.
  static func with(_ body: (Lab) throws -> Void) throws {
    try requireRoot()
    let lab = Lab()
    defer { lab.remove() }
    try lab.build()
    try body(lab)
  }

  private init() {
    let name = LabSupport.Lab.uniqueName()
    scanner = "\(name)-scanner"
    peer = "\(name)-peer"
  }

  private func build() throws {
    // With a queueing discipline a full veth queue stops its sender instead of dropping; with GRO the
    // receiving side polls, which XDP_TX and redirection need.
    try shell(
      """
      ip netns add \(scanner); ip netns add \(peer)
      for n in \(scanner) \(peer); do
        ip netns exec $n sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
          net.ipv6.conf.default.disable_ipv6=1
      done
      ip -n \(scanner) link add scan0 address 02:00:00:00:00:01 numtxqueues 2 numrxqueues 2 \
        type veth peer name peer0 address 02:00:00:00:00:02 numtxqueues 2 numrxqueues 2 netns \(peer)
      for at in "\(scanner) scan0" "\(peer) peer0"; do
        set -- $at
        ip netns exec $1 tc qdisc replace dev $2 root mq
        ip netns exec $1 ethtool -K $2 gro on
        ip -n $1 link set $2 up
      done
      """)
  }

  private func remove() {
    for name in [scanner, peer] { try? shell("ip netns del \(name)") }
  }

  /// Runs a script, and throws with its messages if it fails.
  func shell(_ script: String) throws {
    let outcome = try LabSupport.run(["/bin/sh", "-ec", script])
    guard outcome.status == 0 else {
      throw Problem(description: "the laboratory's script failed: \(outcome.errors)")
    }
  }

  func onScanner<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
    try run(in: scanner, body)
  }

  func onPeer<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
    try run(in: peer, body)
  }

  private final class Box<Value: Sendable>: Sendable {
    let result = Mutex<Result<Value, any Error>?>(nil)
  }

  /// Runs `body` on a thread of its own, because a namespace is an attribute of a thread. Sockets that `body` opens
  /// stay in the namespace.
  private func run<Value: Sendable>(
    in namespace: String, _ body: @escaping @Sendable () throws -> Value
  ) throws -> Value {
    let box = Box<Value>()
    let thread = try KernelThread(name: "lab", processor: nil) {
      let result = Result {
        try NetworkNamespace.enter("/run/netns/\(namespace)")
        return try body()
      }
      box.result.withLock { $0 = result }
    }
    thread.join()
    guard let result = box.result.withLock({ $0 }) else { throw Problem(description: "no result") }
    return try result.get()
  }
}

/// Returns the index of an interface in the calling thread's namespace.
func interfaceIndex(_ name: String) throws -> Int32 {
  let index = unsafe if_nametoindex(name)
  guard index > 0 else { throw Problem(description: "there is no interface \(name)") }
  return Int32(index)
}

/// Polls a condition until it holds. The timeout only ends a test that would fail anyway; it measures nothing.
func eventually(within seconds: UInt64 = 20, _ isTrue: () throws -> Bool) rethrows -> Bool {
  let deadline = Clock.monotonic + seconds * 1_000_000_000
  while true {
    if try isTrue() { return true }
    if Clock.monotonic > deadline { return false }
    pause(milliseconds: 1)
  }
}
