import Foundation
import LabSupport

/// Two namespaces on a plain veth pair. In the far one Linux's TCP replies: with a SYN-ACK if a Python program
/// listens, else with an RST.
final class RealStacks {
  let near: String
  let far: String
  /// The listening targets, as result rows.
  let open: Set<String>
  private var server: Running?
  /// An address that the far side reaches through the near one and that is not the near host's, so that the near
  /// host's TCP does not reset connections once the scan has ended.
  static let source = "198.18.5.200"

  /// 253 on-link addresses, 50 of which listen.
  ///
  /// - Parameter polls: Whether the far side has GRO on, and so uses NAPI.
  static func onLink(polls: Bool) throws -> RealStacks {
    let listening = (0..<50).map { $0 * 5 + 3 }
    let stacks = try RealStacks(open: Set(listening.map { "198.18.5.\($0),80" }))
    if polls { try stacks.inFar(["ethtool", "-K", "vb", "gro", "on"]) }
    let addresses = (2...254).map { "address add 198.18.5.\($0)/24 dev vb\n" }.joined()
    _ = try run(["ip", "-n", stacks.far, "-batch", "-"], input: Data(addresses.utf8))
    try stacks.listen(listening.map { ("198.18.5.\($0)", 80) })
    return stacks
  }

  /// Addresses from 198.18.8.0 and ports from 9001 behind a router, all of which listen. SYN cookies are off and the
  /// backlogs large, so that every connection can be half-open.
  static func routed(addresses: Int, ports: Int) throws -> RealStacks {
    let pairs = (0..<addresses).flatMap { host in (9001..<9001 + ports).map { (host, $0) } }
    let stacks = try RealStacks(open: Set(pairs.map { "198.18.8.\($0),\($1)" }))
    // A veth delivers XDP_TX frames only if this end has an XDP program, too. This one has no source addresses, so it
    // passes everything.
    try ip([
      "-n", stacks.far, "link", "set", "dev", "vb", "xdpdrv", "obj",
      "\(Lab.root)/build/bpf/receive.bpf.o", "sec", "xdp",
    ])
    // Linux retransmits thousands of SYN-ACKs at once, and drops a connection whose SYN-ACK the device does not
    // accept (net/ipv4/inet_connection_sock.c). The veth's own queue holds 256.
    try stacks.inFar(["tc", "qdisc", "add", "dev", "vb", "root", "pfifo", "limit", "20000"])
    try ip(["-n", stacks.far, "address", "add", "198.18.5.2/24", "dev", "vb"])
    try ip(["-n", stacks.far, "link", "set", "lo", "up"])
    try ip(["-n", stacks.far, "route", "add", "local", "198.18.8.0/24", "dev", "lo"])
    try ip(["-n", stacks.near, "route", "add", "198.18.8.0/24", "via", "198.18.5.2"])
    let link = try run(["ip", "-n", stacks.near, "-o", "link", "show", "va"]).output
    let words = link.split(separator: " ").map(String.init)
    guard let at = words.firstIndex(of: "link/ether") else { throw LabError("va: \(link)") }
    try ip([
      "-n", stacks.far, "neighbour", "add", source, "lladdr", words[at + 1], "dev", "vb",
    ])
    try stacks.inFar([
      "sysctl", "-qw", "net.core.somaxconn=4096", "net.ipv4.tcp_max_syn_backlog=65536",
      "net.ipv4.tcp_syncookies=0",
    ])
    try stacks.listen((9001..<9001 + ports).map { ("0.0.0.0", $0) })
    return stacks
  }

  private init(open: Set<String>) throws {
    let name = Lab.uniqueName()
    near = "\(name)-near"
    far = "\(name)-far"
    self.open = open
    for name in [near, far] { try Self.ip(["netns", "add", name]) }
    try Self.ip(["-n", near, "link", "add", "va", "type", "veth", "peer", "name", "vb", "netns", far])
    try Self.ip(["-n", near, "address", "add", "198.18.5.1/24", "dev", "va"])
    try Self.ip(["-n", near, "link", "set", "va", "up"])
    try Self.ip(["-n", far, "link", "set", "vb", "up"])
  }

  deinit {
    server?.signal(SIGKILL)
    for name in [near, far] { _ = try? Self.ip(["netns", "delete", name]) }
  }

  private func listen(_ sockets: [(address: String, port: Int)]) throws {
    let list = sockets.map { "(\"\($0.address)\", \($0.port))" }.joined(separator: ", ")
    let program = """
      import socket, time
      listeners = []
      for address in [\(list)]:
          listener = socket.socket()
          listener.bind(address)
          listener.listen(4096)
          listeners.append(listener)
      print("listening", flush=True)
      time.sleep(300)
      """
    let server = try Running(["ip", "netns", "exec", far, "python3", "-c", program])
    self.server = server
    try server.wait(for: "listeners") { $0.text.contains("listening") }
  }

  private static func ip(_ arguments: [String]) throws {
    let outcome = try run(["ip"] + arguments)
    guard outcome.status == 0 else { throw LabError("ip \(arguments): \(outcome.errors)") }
  }

  private func inFar(_ arguments: [String]) throws {
    let outcome = try run(["ip", "netns", "exec", far] + arguments)
    guard outcome.status == 0 else { throw LabError("\(arguments): \(outcome.errors)") }
  }

  func scan(_ arguments: [String]) throws -> Outcome {
    try run(["ip", "netns", "exec", near, Lab.synbox, "scan", "-q", "-i", "va"] + arguments)
  }

  /// The number of connections in state SYN-RECV.
  func halfOpen() throws -> Int {
    try run(["ip", "netns", "exec", far, "ss", "-Htan", "state", "syn-recv"]).lines.count
  }
}
