import Foundation
import LabSupport
import Testing

/// A namespace with 253 addresses on a plain veth pair (no XDP on the far side, nor GRO unless `polls`), and a
/// Python server that listens on 50 of them: Linux's own TCP answers, with SYN-ACK or RST.
private final class RealStacks {
  let near: String
  let far: String
  private let server: Running
  let open: Set<String>

  init(polls: Bool = false) throws {
    let name = Lab.uniqueName()
    near = "\(name)-near"
    far = "\(name)-far"
    for name in [near, far] { try Self.ip(["netns", "add", name]) }
    try Self.ip(["-n", near, "link", "add", "va", "type", "veth", "peer", "name", "vb", "netns", far])
    try Self.ip(["-n", near, "address", "add", "198.18.5.1/24", "dev", "va"])
    try Self.ip(["-n", near, "link", "set", "va", "up"])
    try Self.ip(["-n", far, "link", "set", "vb", "up"])
    if polls { _ = try run(["ip", "netns", "exec", far, "ethtool", "-K", "vb", "gro", "on"]) }
    let addresses = (2...254).map { "address add 198.18.5.\($0)/24 dev vb\n" }.joined()
    try run(["ip", "-n", far, "-batch", "-"], input: Data(addresses.utf8))
    open = Set((0..<50).map { "198.18.5.\($0 * 5 + 3),80" })
    let program = """
      import socket, sys, time
      listeners = []
      for i in range(50):
          s = socket.socket()
          s.bind(("198.18.5.%d" % (5 * i + 3), 80))
          s.listen(64)
          listeners.append(s)
      print("listening", flush=True)
      time.sleep(120)
      """
    server = try Running(["ip", "netns", "exec", far, "python3", "-c", program])
    try server.wait(for: "listeners") { $0.text.contains("listening") }
  }

  deinit {
    server.signal(SIGKILL)
    for name in [near, far] { _ = try? Self.ip(["netns", "delete", name]) }
  }

  private static func ip(_ arguments: [String]) throws {
    let outcome = try run(["ip"] + arguments)
    guard outcome.status == 0 else { throw LabError("ip \(arguments): \(outcome.errors)") }
  }

  func scan(_ arguments: [String]) throws -> Outcome {
    try run(["ip", "netns", "exec", near, Lab.synbox, "scan", "-q", "-i", "va"] + arguments)
  }

  func halfOpen() throws -> [String] {
    try run(["ip", "netns", "exec", far, "ss", "-Htan", "state", "syn-recv"]).lines
  }
}

@Suite(.serialized) struct `Real TCP stacks on the same link` {
  @Test(arguments: [
    ["--transmit", "auto"], ["--transmit", "packet"], ["--transmit", "xdp"],
    ["--transmit", "generator"],
    ["--transmit", "generator", "--receive", "packet"],
    ["--transmit", "packet", "--receive", "packet"],
    ["--transmit", "xdp", "--receive", "xdp-generic"],
  ])
  func `are all found, nothing else is, and none is left half open`(way: [String]) throws {
    // A veth takes redirected frames only when its peer polls; `auto` finds out, and goes another way.
    let stacks = try RealStacks(polls: way.contains("generator"))
    let scan = try stacks.scan(way + ["-p", "80", "-c", "1", "198.18.5.0/24"])
    #expect(scan.status == 0, "\(scan.errors)")
    #expect(Set(scan.lines.dropFirst()) == stacks.open)
    #expect(scan.lines.count == 51)
    #expect(try stacks.halfOpen() == [])
  }

  @Test func `closed ports are told from silent addresses`() throws {
    let stacks = try RealStacks()
    let scan = try stacks.scan([
      "-p", "80", "-c", "1", "--report", "all", "-f", "saddr,classification", "198.18.5.0/24",
    ])
    let open = scan.lines.filter { $0.hasSuffix(",synack") }
    let closed = scan.lines.filter { $0.hasSuffix(",rst") }
    #expect(open.count == 50)
    #expect(closed.count == 203)
  }
}
