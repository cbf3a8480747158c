import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `A running scan` {
  private func start(_ lab: Lab, _ arguments: [String] = []) throws -> Running {
    let scan = try Running(
      lab.inside(
        lab.box,
        [Lab.synbox, "scan", "-i", "box0", "-p", "80", "-r", "5k"] + arguments
          + ["198.19.0.0/16"]))
    try scan.wait(for: "the drop") { $0.errorText.contains("no capabilities") }
    // Results show that probes are being sent.
    try scan.wait(for: "results") { $0.text.contains("198.19.") }
    return scan
  }

  @Test func `has no capabilities in any thread and cannot gain any`() throws {
    let lab = try Lab()
    let node = try lab.respond(["--answer", "all"])
    let scan = try start(lab)
    let tasks = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(scan.pid)/task")
    #expect(tasks.count >= 2)
    for task in tasks {
      let status = try String(
        contentsOfFile: "/proc/\(scan.pid)/task/\(task)/status", encoding: .utf8)
      for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        #expect(status.contains("\(set):\t0000000000000000\n"), "\(task) \(set)")
      }
      let user = "\(Lab.boxUser)\t\(Lab.boxUser)\t\(Lab.boxUser)\t\(Lab.boxUser)\n"
      #expect(status.contains("Uid:\t\(user)") && status.contains("Gid:\t\(user)"), "\(task)")
      #expect(status.contains("NoNewPrivs:\t1\n"))
      #expect(status.contains("Seccomp:\t2\n"))
    }
    scan.signal(SIGINT)
    _ = try scan.wait()
    _ = try node.end()
  }

  @Test(arguments: [
    (SIGINT, Int32(130), "interrupted"), (SIGTERM, Int32(143), "terminated"),
    (SIGHUP, Int32(129), "terminated"),
  ])
  func `ends at once on a signal, with complete results and a summary`(
    signal: Int32, status: Int32, reason: String
  ) throws {
    let lab = try Lab()
    let node = try lab.respond(["--answer", "all"])
    let metadata = "\(try Lab.temporaryDirectory())/summary.json"
    let scan = try start(lab, ["-O", "json", "-m", metadata])
    scan.signal(signal)
    let ended = try scan.wait(seconds: 10)
    #expect(ended.status == status)
    #expect(ended.output.hasSuffix("}\n"))
    for line in ended.lines { _ = try JSON.object(line) }
    let summary = try JSON.object(String(contentsOfFile: metadata, encoding: .utf8))
    #expect(summary["ended_because"] as? String == reason)
    #expect(summary["results_written"] as? Int == ended.lines.count)
    // The program is detached.
    let link = try run(["ip", "-n", lab.box, "link", "show", "box0"])
    #expect(!link.output.contains("xdp"))
    _ = try node.end()
  }

  @Test func `writes a status row every second, with as many columns as the header`() throws {
    let lab = try Lab()
    let node = try lab.respond(["--answer", "even"])
    let file = "\(try Lab.temporaryDirectory())/status.csv"
    let scan = try lab.scan([
      "-q", "-p", "80", "-r", "5k", "-c", "1", "-u", file, "198.19.0.0/19",
    ])
    #expect(scan.status == 0)
    let rows = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
    #expect(rows.count >= 2)
    let columns = rows.map { $0.split(separator: ",", omittingEmptySubsequences: false).count }
    #expect(Set(columns).count == 1, "\(rows)")
    _ = try node.end()
  }
}

/// A command line that must fail: the arguments after `scan -i box0`, the exit status, and parts of the message.
struct InvalidCommand: CustomTestStringConvertible, Sendable {
  let arguments: [String]
  let status: Int32
  let messageParts: [String]
  var input: [UInt8]?
  var testDescription: String { arguments.joined(separator: " ") }

  init(_ arguments: [String], _ status: Int32, _ messageParts: [String], input: [UInt8]? = nil) {
    self.arguments = arguments
    self.status = status
    self.messageParts = messageParts
    self.input = input
  }

  static let all: [InvalidCommand] = [
    InvalidCommand(["-p", "80", "198.19.0.0/33"], 2, ["argument:1:", "\"33\"", "0 to 32"]),
    InvalidCommand(["-p", "80", "198.19.0.9-198.19.0.1"], 2, ["argument:1:", "at least the first"]),
    InvalidCommand(["-p", "80", "fe80::1"], 2, ["IPv6 is not supported"]),
    InvalidCommand(["-p", "0", "198.19.0.1"], 2, ["\"0\"", "1 to 65535"]),
    InvalidCommand(["-p", "65536", "198.19.0.1"], 2, ["\"65536\"", "1 to 65535"]),
    InvalidCommand(["198.19.0.1"], 2, ["an entry without ports"]),
    InvalidCommand(["-p", "80", "-"], 2, ["standard input:1:1", "no entry"], input: []),
    InvalidCommand(
      ["-p", "80", "-"], 2, ["standard input:2:1", "\"nonsense\""],
      input: Array("198.19.0.1\nnonsense\n".utf8)),
    InvalidCommand(
      ["-p", "80", "-"], 2, ["standard input:byte 4", "truncated"],
      input: [0xc6, 0x13, 0, 2, 0, 0]),
    InvalidCommand(["-p", "80", "127.0.0.1"], 2, ["no target is left"]),
    InvalidCommand(["-p", "80", "/nowhere/targets"], 1, ["/nowhere/targets", "ENOENT"]),
    InvalidCommand(
      ["-p", "80", "-f", "saddr,colour", "198.19.0.1"], 2, ["\"colour\"", "ttl,sport,dport"]),
    InvalidCommand(["-p", "80", "-f", "saddr,saddr", "198.19.0.1"], 2, ["\"saddr\" twice"]),
    InvalidCommand(["-p", "80", "-r", "fast", "198.19.0.1"], 2, ["\"fast\"", "100k"]),
    InvalidCommand(["-p", "80", "-r", "1k", "-B", "1M", "198.19.0.1"], 2, ["mutually exclusive"]),
    InvalidCommand(["-p", "80", "-G", "ff:ff:ff:ff:ff:ff", "198.19.0.1"], 2, ["Ethernet address"]),
    InvalidCommand(["-p", "80", "--shards", "3", "--shard", "3", "198.19.0.1"], 2, ["shard"]),
    InvalidCommand(["-p", "80", "-o", "/nowhere/out", "198.19.0.1"], 1, ["/nowhere/out"]),
    InvalidCommand(
      ["-p", "80", "--transmit", "xdp-zerocopy", "198.19.0.1"], 1, ["zero-copy", "xdp-copy"]),
    InvalidCommand(
      ["-p", "80", "--event-ring", "5000", "198.19.0.1"], 2, ["\"5000\"", "a power of two from 4096"]),
    InvalidCommand(
      ["-p", "80", "--event-ring", "2K", "198.19.0.1"], 2, ["\"2K\"", "a power of two from 4096"]),
    InvalidCommand(["-p", "80", "--event-ring", "lots", "198.19.0.1"], 2, ["\"lots\"", "64K, 16M"]),
    InvalidCommand(
      ["-p", "80", "--event-ring", "64K", "--receive", "packet", "198.19.0.1"], 1,
      ["packet capture has no event ring", "Drop --event-ring"]),
    InvalidCommand(
      ["-p", "80", "--dedupe-memory", "1K", "198.19.0.1"], 2, ["\"1K\"", "at least 64K"]),
    InvalidCommand(
      ["-p", "80", "--dedupe-memory", "64M", "--no-dedupe", "198.19.0.1"], 2, ["mutually exclusive"]),
    InvalidCommand(["-p", "80", "--user", "0:0", "198.19.0.1"], 2, ["\"0:0\"", "not root"]),
    InvalidCommand(
      ["-p", "80", "--user", "nosuch", "198.19.0.1"], 1, ["no user nosuch in /etc/passwd"]),
    InvalidCommand(
      ["-p", "80", "-T", "99", "198.19.0.1"], 2, ["--sender-threads 99 is out of range (1-64)"]),
    InvalidCommand(["-p", "80", "-T", "9", "198.19.0.1"], 1, ["4 transmit queues, too few for 9"]),
  ]
}

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `Invalid usage, input or environment` {
  @Test func `fails with a message and leaves no program attached`() throws {
    let lab = try Lab()
    for command in InvalidCommand.all {
      let scan = try lab.scan(command.arguments, input: command.input.map { Data($0) })
      #expect(scan.status == command.status, "\(command.testDescription): \(scan.errors)")
      for part in command.messageParts {
        #expect(scan.errors.contains(part), "\(command.testDescription): \(scan.errors)")
      }
      #expect(!scan.output.contains("198."), "\(command.testDescription)")
    }
    let link = try run(["ip", "-n", lab.box, "link", "show", "box0"])
    #expect(!link.output.contains("xdp"))
  }

  @Test func `names what is missing on the network`() throws {
    let lab = try Lab()
    let scan = ["-p", "80", "-c", "1", "198.19.0.1"]
    let missing = try run(
      lab.inside(lab.box, [Lab.synbox, "scan", "-i", "nope0", "-p", "80", "198.19.0.1"]))
    #expect(missing.status == 1)
    #expect(missing.errors.contains("no interface nope0"))
    #expect(missing.errors.contains("box0"))

    // A gateway that does not reply: an address that no host has.
    try run(["ip", "-n", lab.box, "route", "replace", "default", "via", "198.18.0.99"])
    let silent = try lab.scan(scan)
    #expect(silent.status == 1)
    #expect(silent.errors.contains("198.18.0.99 does not reply"))

    let nobody = try lab.scan(["-p", "80", "198.18.0.100-198.18.0.103"])
    #expect(nobody.status == 1)
    #expect(nobody.errors.contains("none of the 4 on-link targets"))

    try run(["ip", "-n", lab.box, "route", "delete", "default"])
    let routeless = try lab.scan(scan)
    #expect(routeless.status == 1)
    #expect(routeless.errors.contains("no route to 198.19.0.1"))

    try run(["ip", "-n", lab.box, "link", "set", "box0", "down"])
    let down = try lab.scan(scan)
    #expect(down.status == 1)
    #expect(down.errors.contains("box0 is down"))
  }

  @Test func `is reported with the remedy if the memory lock limit is too low`() throws {
    let lab = try Lab()
    // Without CAP_SYS_RESOURCE the limit cannot be raised; without CAP_IPC_LOCK it applies.
    let command =
      "ulimit -l 64; exec capsh --drop=cap_sys_resource,cap_ipc_lock -- -c "
      + "'\(Lab.synbox) scan -i box0 -p 80 -c 1 --transmit xdp-copy 198.19.0.1'"
    let scan = try run(lab.inside(lab.box, ["bash", "-c", command]))
    #expect(scan.status == 1)
    #expect(scan.errors.contains("memory lock limit"), "\(scan.errors)")
  }

  @Test func `is reported if privilege is missing`() throws {
    let lab = try Lab()
    let scan = try run(
      lab.inside(
        lab.box,
        [
          "setpriv", "--reuid", "65534", "--clear-groups", Lab.synbox, "scan", "-i", "box0", "-p",
          "80", "198.19.0.1",
        ]))
    #expect(scan.status == 1)
    #expect(scan.errors.contains("needs root"), "\(scan.errors)")
  }
}
