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
    // Results say that probes are on their way.
    try scan.wait(for: "results") { $0.text.contains("198.19.") }
    return scan
  }

  @Test func `has no capability in any thread, and cannot get one`() throws {
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
  func `ends at once on a signal, with whole results and its summary`(
    signal: Int32, status: Int32, word: String
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
    #expect(summary["ended_because"] as? String == word)
    #expect(summary["results_written"] as? Int == ended.lines.count)
    // Nothing stays behind on the interface.
    let link = try run(["ip", "-n", lab.box, "link", "show", "box0"])
    #expect(!link.output.contains("xdp"))
    _ = try node.end()
  }

  @Test func `sends each second's status as a row whose columns match the header`() throws {
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

/// A call that must fail: its arguments behind `scan -i box0`, the exit code, and words of the sentence.
struct BadCall: CustomTestStringConvertible, Sendable {
  let arguments: [String]
  let status: Int32
  let says: [String]
  var input: [UInt8]?
  var testDescription: String { arguments.joined(separator: " ") }

  init(_ arguments: [String], _ status: Int32, _ says: [String], input: [UInt8]? = nil) {
    self.arguments = arguments
    self.status = status
    self.says = says
    self.input = input
  }

  static let all: [BadCall] = [
    BadCall(["-p", "80", "198.19.0.0/33"], 2, ["argument:1:", "\"33\"", "0 to 32"]),
    BadCall(["-p", "80", "198.19.0.9-198.19.0.1"], 2, ["argument:1:", "at least the first"]),
    BadCall(["-p", "80", "fe80::1"], 2, ["IPv6 is not supported"]),
    BadCall(["-p", "0", "198.19.0.1"], 2, ["\"0\"", "1 to 65535"]),
    BadCall(["-p", "65536", "198.19.0.1"], 2, ["\"65536\"", "1 to 65535"]),
    BadCall(["198.19.0.1"], 2, ["no port"]),
    BadCall(["-p", "80", "-"], 2, ["standard input:1:1", "no entry"], input: []),
    BadCall(
      ["-p", "80", "-"], 2, ["standard input:2:1", "\"nonsense\""],
      input: Array("198.19.0.1\nnonsense\n".utf8)),
    BadCall(
      ["-p", "80", "-"], 2, ["standard input:byte 4", "truncated"],
      input: [0xc6, 0x13, 0, 2, 0, 0]),
    BadCall(["-p", "80", "127.0.0.1"], 2, ["no target is left"]),
    BadCall(["-p", "80", "/nowhere/targets"], 1, ["/nowhere/targets", "ENOENT"]),
    BadCall(["-p", "80", "-f", "saddr,colour", "198.19.0.1"], 2, ["\"colour\"", "ttl,sport,dport"]),
    BadCall(["-p", "80", "-f", "saddr,saddr", "198.19.0.1"], 2, ["\"saddr\" twice"]),
    BadCall(["-p", "80", "-r", "fast", "198.19.0.1"], 2, ["\"fast\"", "100k"]),
    BadCall(["-p", "80", "-r", "1k", "-B", "1M", "198.19.0.1"], 2, ["exclude each other"]),
    BadCall(["-p", "80", "-G", "ff:ff:ff:ff:ff:ff", "198.19.0.1"], 2, ["Ethernet address"]),
    BadCall(["-p", "80", "--shards", "3", "--shard", "3", "198.19.0.1"], 2, ["shard"]),
    BadCall(["-p", "80", "-o", "/nowhere/out", "198.19.0.1"], 1, ["/nowhere/out"]),
    BadCall(
      ["-p", "80", "--transmit", "xdp-zerocopy", "198.19.0.1"], 1, ["zero-copy", "xdp-copy"]),
    BadCall(
      ["-p", "80", "--event-ring", "5000", "198.19.0.1"], 2, ["\"5000\"", "a power of two from 4096"]),
    BadCall(
      ["-p", "80", "--event-ring", "2K", "198.19.0.1"], 2, ["\"2K\"", "a power of two from 4096"]),
    BadCall(["-p", "80", "--event-ring", "lots", "198.19.0.1"], 2, ["\"lots\"", "64K, 16M"]),
    BadCall(
      ["-p", "80", "--event-ring", "64K", "--receive", "packet", "198.19.0.1"], 1,
      ["packet capture has no event ring", "Leave --event-ring out"]),
    BadCall(["-p", "80", "--dedupe-memory", "1K", "198.19.0.1"], 2, ["\"1K\"", "at least 64K"]),
    BadCall(
      ["-p", "80", "--dedupe-memory", "64M", "--no-dedupe", "198.19.0.1"], 2, ["exclude each other"]),
    BadCall(["-p", "80", "--user", "0:0", "198.19.0.1"], 2, ["\"0:0\"", "not root"]),
    BadCall(["-p", "80", "--user", "nosuch", "198.19.0.1"], 1, ["no user nosuch in /etc/passwd"]),
    BadCall(["-p", "80", "-T", "99", "198.19.0.1"], 2, ["--sender-threads"]),
    BadCall(["-p", "80", "-T", "9", "198.19.0.1"], 1, ["4 transmit queues"]),
  ]
}

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `Bad input` {
  @Test func `each gives one sentence, its exit code, and leaves nothing behind`() throws {
    let lab = try Lab()
    for call in BadCall.all {
      let scan = try lab.scan(call.arguments, input: call.input.map { Data($0) })
      #expect(scan.status == call.status, "\(call.testDescription): \(scan.errors)")
      for words in call.says {
        #expect(scan.errors.contains(words), "\(call.testDescription): \(scan.errors)")
      }
      #expect(!scan.output.contains("198."), "\(call.testDescription)")
    }
    let link = try run(["ip", "-n", lab.box, "link", "show", "box0"])
    #expect(!link.output.contains("xdp"))
  }

  @Test func `a network that is not there is said to be so`() throws {
    let lab = try Lab()
    let scan = ["-p", "80", "-c", "1", "198.19.0.1"]
    let missing = try run(
      lab.inside(lab.box, [Lab.synbox, "scan", "-i", "nope0", "-p", "80", "198.19.0.1"]))
    #expect(missing.status == 1)
    #expect(missing.errors.contains("no interface nope0"))
    #expect(missing.errors.contains("box0"))

    // The gateway does not answer: its namespace's link is down on the far side only after the carrier
    // was seen, so an address that nobody has is asked instead.
    try run(["ip", "-n", lab.box, "route", "replace", "default", "via", "198.18.0.99"])
    let silent = try lab.scan(scan)
    #expect(silent.status == 1)
    #expect(silent.errors.contains("198.18.0.99 does not reply"))

    let nobody = try lab.scan(["-p", "80", "198.18.0.100-198.18.0.103"])
    #expect(nobody.status == 1)
    #expect(nobody.errors.contains("none of the 4 targets on the link"))

    try run(["ip", "-n", lab.box, "route", "delete", "default"])
    let routeless = try lab.scan(scan)
    #expect(routeless.status == 1)
    #expect(routeless.errors.contains("no route to 198.19.0.1"))

    try run(["ip", "-n", lab.box, "link", "set", "box0", "down"])
    let down = try lab.scan(scan)
    #expect(down.status == 1)
    #expect(down.errors.contains("box0 is down"))
  }

  @Test func `too little lockable memory is named, with the remedy`() throws {
    let lab = try Lab()
    // Without CAP_SYS_RESOURCE the limit cannot be lifted, without CAP_IPC_LOCK it counts.
    let command =
      "ulimit -l 64; exec capsh --drop=cap_sys_resource,cap_ipc_lock -- -c "
      + "'\(Lab.synbox) scan -i box0 -p 80 -c 1 --transmit xdp-copy 198.19.0.1'"
    let scan = try run(lab.inside(lab.box, ["bash", "-c", command]))
    #expect(scan.status == 1)
    #expect(scan.errors.contains("memory lock limit"), "\(scan.errors)")
  }

  @Test func `without privilege the scan says what it lacks`() throws {
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
