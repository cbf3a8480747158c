// The user that the box runs as, and the files it owns.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `A user of its own` {
  static let modes = [
    "transmit = \"generator\"\n", "transmit = \"xdp-copy\"\n", "transmit = \"packet\"\n",
    "transmit = \"packet\"\nreceive = \"packet\"\n",
  ]

  /// Returns the fields of a /proc status file.
  private func status(_ path: String) throws -> [String: String] {
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    return Dictionary(
      uniqueKeysWithValues: lines.map { line in
        let parts = line.split(separator: ":", maxSplits: 1)
        return (
          String(parts[0]), parts.count == 2 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
        )
      })
  }

  @Test(arguments: modes) func `leaves no thread of a scanning box any privilege`(_ mode: String) throws
  {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(mode + "cooldown-time = 1\n"))
    try lab.drop("net.txt", "@rate 400\n198.18.4.0/22:80\n")
    try lab.waitForResults("net.txt", bytes: 300)
    let tasks = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(box.pid)/task")
    #expect(tasks.count >= 3)
    for task in tasks {
      let status = try status("/proc/\(box.pid)/task/\(task)/status")
      let name = status["Name"] ?? ""
      for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        #expect(status[set] == "0000000000000000", "\(name) \(set)")
      }
      for ids in ["Uid", "Gid"] {
        let four = Array(repeating: "\(Lab.boxUser)", count: 4).joined(separator: "\t")
        #expect(status[ids] == four, "\(name)")
      }
      #expect(
        status["Groups"] == "" && status["NoNewPrivs"] == "1" && status["Seccomp"] == "2", "\(name)")
    }
    let locked = try status("/proc/\(box.pid)/status")["VmLck"] ?? ""
    #expect((locked != "0 kB") == Lab.canLockMemory, "\(locked)")
    #expect(box.errorText.contains("memory may be written to swap") != Lab.canLockMemory)
    let limits = try String(contentsOfFile: "/proc/\(box.pid)/limits", encoding: .utf8)
    #expect(limits.contains(#/Max core file size +0 +0 /#))
    // Owned by root because the process is not dumpable.
    let owner = try FileManager.default.attributesOfItem(atPath: "/proc/\(box.pid)/mem")
    #expect(owner[.ownerAccountID] as? Int == 0)
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `makes the box reject files that it may not read, and scan the others`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure("target-ports = 80\ncooldown-time = 0.5\n"))
    try Data("198.18.4.0/24\n".utf8).write(to: lab.url("data/.secret"))
    try mode(0o600, lab, "data/.secret")
    try FileManager.default.moveItem(
      at: lab.url("data/.secret"), to: lab.url("data/spool/secret.txt"))
    try lab.drop("open.txt", "198.18.5.0/24\n")
    try lab.wait("both ends", seconds: 30) {
      lab.exists("data/results/open.txt") && lab.exists("data/rejected/secret.txt")
    }
    let reason = try lab.text("data/rejected/secret.txt/reason.txt")
    #expect(
      reason
        == "secret.txt: found cannot open secret.txt: Permission denied (EACCES) of uid 0, mode 600, "
        + "expected a file the box may read, as uid 60900 gid 60900\n")
    #expect(try lab.results("open.txt") == evenAddresses(from: 5, blocks: 1, ports: [80]))
    // Its owner and mode are unchanged.
    #expect(try owner(lab, "data/rejected/secret.txt/secret.txt") == 0)
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `owns results that all may read, and keeps the key secret`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure("target-ports = 80\ncooldown-time = 0.5\n"))
    try lab.drop("net.txt", "@rate 400\n198.18.4.0/23\n")
    try lab.waitForResults("net.txt", bytes: 300)
    #expect(try mode(lab, "data/active/net.txt/job.json") == 0o600)
    try lab.wait("the results", seconds: 30) { lab.exists("data/results/net.txt") }
    for (path, bits) in [
      ("data", 0o755), ("data/results", 0o755), ("data/results/net.txt", 0o755),
      ("data/results/net.txt/results.csv", 0o644), ("data/results/net.txt/summary.json", 0o644),
      ("data/status.json", 0o644),
    ] {
      #expect(try mode(lab, path) == bits, "\(path)")
      #expect(try owner(lab, path) == Lab.boxUser, "\(path)")
    }
    #expect(try owner(lab, "data/results/net.txt/net.txt") == 0, "a target file keeps its owner")
    #expect(!lab.exists("data/results/net.txt/job.json"))
    #expect(try box.end(SIGTERM).status == 143)
  }

  /// Jobs that an earlier box left as root resume. Links planted beside them do not give other files away.
  @Test func `takes over what root left in the data directory, and nothing else`() throws {
    let lab = try ServeLab()
    let configuration = try lab.configure("target-ports = 80\ncooldown-time = 0.5\n")
    var box = try lab.serve(configuration)
    try lab.drop("net.txt", "@rate 400\n198.18.4.0/22\n")
    try lab.wait("a checkpoint", seconds: 30) { try lab.checkpointPosition("net.txt") > 0 }
    box.signal(SIGKILL)
    _ = try box.wait()
    try run(["chown", "-R", "0:0", lab.url("data").path])
    try run(["chgrp", "7", lab.url("data/spool").path])
    try Data("secret".utf8).write(to: lab.url("outside"))
    try FileManager.default.createSymbolicLink(
      at: lab.url("data/active/link"), withDestinationURL: lab.url("outside"))
    try FileManager.default.createSymbolicLink(
      at: lab.url("data/active/net.txt/reason.txt.new"), withDestinationURL: lab.url("outside"))
    try FileManager.default.linkItem(
      at: lab.url("outside"), to: lab.url("data/active/net.txt/summary.json.new"))

    box = try lab.serve(configuration)
    try lab.wait("the results", seconds: 30) { lab.exists("data/results/net.txt") }
    #expect(try lab.results("net.txt") == evenAddresses(from: 4, blocks: 4, ports: [80]))
    #expect(try owner(lab, "outside") == 0)
    #expect(try lab.text("outside") == "secret")
    #expect(try owner(lab, "data/spool") == Lab.boxUser)
    let spool = try FileManager.default.attributesOfItem(atPath: lab.url("data/spool").path)
    #expect(spool[.groupOwnerAccountID] as? Int == 7, "a group that an operator chose stays")
    #expect(try box.end(SIGTERM).status == 143)
  }

  /// Parsers see the bytes of others only once all privilege is gone.
  @Test func `reads the targets and lists of a scan, which root has only opened`() throws {
    let lab = try ServeLab()
    try Data("198.18.4.0/28:80\n".utf8).write(to: lab.url("targets.txt"))
    try mode(0o600, lab, "targets.txt")
    try Data("198.18.4.2\n".utf8).write(to: lab.url("never.txt"))
    let trace = lab.url("scan.trace").path
    let scan = try lab.scan(
      under: ["strace", "-f", "-y", "-o", trace, "-e", "trace=setresuid,read"],
      ["-q", "-c", "1", "-b", lab.url("never.txt").path, lab.url("targets.txt").path])
    #expect(scan.status == 0, "\(scan.errors)")
    #expect(scan.lines.count == 1 + 7)
    let calls = try lab.text("scan.trace").split(separator: "\n").map(String.init)
    let drop = try #require(calls.firstIndex { $0.contains("setresuid(60900") })
    for file in ["targets.txt", "never.txt"] {
      let read = try #require(calls.firstIndex { $0.contains("read(") && $0.contains(file) })
      #expect(read > drop, "\(file): \(calls[read])")
    }
  }

  /// The outputs are opened as root, before anything is parsed.
  @Test func `keeps the results of an earlier scan if the targets have a mistake`() throws {
    let lab = try ServeLab()
    let outputs = ["-o", "found", "-m", "summary", "-u", "status"].map {
      $0.hasPrefix("-") ? $0 : lab.url($0).path
    }
    for name in ["found", "summary", "status"] { try Data("earlier\n".utf8).write(to: lab.url(name)) }
    let wrong = try lab.scan(under: [], ["-q", "-p", "80", "-c", "1", "198.18.4.0/33"] + outputs)
    #expect(wrong.status != 0)
    for name in ["found", "summary", "status"] { #expect(try lab.text(name) == "earlier\n") }
    let right = try lab.scan(under: [], ["-q", "-p", "80", "-c", "1", "198.18.4.0/30"] + outputs)
    #expect(right.status == 0, "\(right.errors)")
    #expect(try lab.text("found").split(separator: "\n").count == 3)
    for name in ["found", "summary", "status"] {
      #expect(try !lab.text(name).contains("earlier"))
    }
  }

  /// Wrong owners and modes are reported with a remedy, and nothing is changed.
  @Test func `needs access to its data directory and configuration`() throws {
    let lab = try ServeLab()
    let configuration = try lab.configure("")
    try Data().write(to: lab.url("data/passwd"))
    try expectFailure(
      lab, configuration, "belongs to root and contains passwd, which is not a box's file")
    #expect(try owner(lab, "data") == 0 && !lab.exists("data/spool"))
    try FileManager.default.removeItem(at: lab.url("data/passwd"))

    try run(["chown", "7:7", lab.url("data").path])
    try expectFailure(lab, configuration, "uid 60900 gid 60900 cannot write to ")
    #expect(try owner(lab, "data") == 7)
    try run(["chown", "60900:60900", lab.url("data").path])

    try mode(0o600, lab, "synbox.toml")
    try expectFailure(lab, configuration, "uid 60900 gid 60900 may not read \(configuration)")
    _ = try lab.configure("user = \"no-such-user\"\n")
    try expectFailure(lab, configuration, "there is no user no-such-user in /etc/passwd")
  }

  private func expectFailure(_ lab: ServeLab, _ configuration: String, _ message: String) throws {
    let outcome = try lab.serveToItsEnd(configuration)
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains(message), "\(outcome.errors)")
  }

  /// Uses Debian's nobody.
  @Test func `can be given by name`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure("user = \"nobody\"\n"))
    #expect(try status("/proc/\(box.pid)/status")["Uid"] == "65534\t65534\t65534\t65534")
    #expect(try owner(lab, "data/spool") == 65534)
    #expect(try box.end(SIGTERM).status == 143)
  }

  /// Runs a box with a limit of locked memory that it may not lift.
  private static let limited = [
    "capsh", "--drop=cap_sys_resource", "--", "-c", "ulimit -l 64; exec \"$@\"", "-",
  ]
  /// The option by which `synbox init` starts the scanner of an image.
  private static let inImage = ["--require-locked-memory"]

  @Test(arguments: [
    ("", [], "wanted"), ("lock-memory = \"wanted\"\n", [], "wanted"),
    ("lock-memory = \"wanted\"\n", inImage, "wanted"),
  ])
  func `starts a box without locked memory unless it is required`(
    _ setting: String, _ options: [String], _ inForce: String
  ) throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(setting), under: Self.limited, options: options)
    #expect(try box.end(SIGTERM).status == 143)
    #expect(box.errorText.components(separatedBy: "lock_memory=\(inForce)").count == 2)
    #expect(box.errorText.components(separatedBy: "memory may be written to swap").count == 2)
  }

  @Test(arguments: [("lock-memory = \"required\"\n", []), ("", inImage)])
  func `does not start a box without the locked memory that it requires`(
    _ setting: String, _ options: [String]
  ) throws {
    let lab = try ServeLab()
    let outcome = try lab.serveToItsEnd(
      lab.configure(setting), under: Self.limited, options: options)
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("cannot lock the memory of this process: the limit is 64 KiB"))
    #expect(outcome.errors.contains("lock-memory = \"wanted\""))
  }

  // MARK: -

  private func mode(_ bits: Int, _ lab: ServeLab, _ path: String) throws {
    try FileManager.default.setAttributes(
      [.posixPermissions: bits], ofItemAtPath: lab.url(path).path)
  }

  private func mode(_ lab: ServeLab, _ path: String) throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: lab.url(path).path)[.posixPermissions] as? Int
  }

  private func owner(_ lab: ServeLab, _ path: String) throws -> UInt32? {
    let attributes = try FileManager.default.attributesOfItem(atPath: lab.url(path).path)
    return (attributes[.ownerAccountID] as? NSNumber)?.uint32Value
  }
}
