// A whole box in its own lab: `synbox serve` in one network namespace, `synbox respond` in the other.
import Foundation
import LabSupport

/// Two namespaces with a target node that replies for even addresses, and a data directory. All are removed when the
/// test ends, however it ends.
final class ServeLab {
  let lab: Lab
  private let answering: TargetNode?
  /// The target node of a lab that was made with one.
  var node: TargetNode { answering! }
  let root: URL
  private var disk: Disk?

  /// - Parameter closed: how the node treats odd addresses: `silent` or `rst`. nil makes a lab without a node.
  init(closed: String? = "silent") throws {
    let lab = try Lab()
    self.lab = lab
    answering = try closed.map { try lab.respond(["--answer", "even", "--closed", $0]) }
    root = URL(fileURLWithPath: try Lab.boxDirectory())
    try FileManager.default.createDirectory(
      at: root.appending(path: "data"), withIntermediateDirectories: true)
  }

  deinit {
    disk?.remove()
    try? FileManager.default.removeItem(at: root)
  }

  /// Mounts a disk as the data directory. Must be called before the box starts.
  func mountDisk(megabytes: Int) throws -> Disk {
    let disk = try Disk(at: url("data"), megabytes: megabytes)
    self.disk = disk
    return disk
  }

  func url(_ path: String) -> URL { root.appending(path: path) }

  /// Writes `synbox.toml`, with a scope of 198.18.0.0/15 unless `text` has one.
  func configure(_ text: String) throws -> String {
    let scope = text.contains("[scope]") ? "" : "[scope]\nallow = [\"198.18.0.0/15\"]\n"
    let path = url("synbox.toml")
    let head = "data = \"data\"\ninterface = \"box0\"\n"
    try Data((head + text + scope).utf8).write(to: path)
    return path.path
  }

  /// Starts a box and waits until it serves.
  ///
  /// - Parameters:
  ///   - under: the command that runs it, such as a tracer.
  ///   - options: further options of `synbox serve`.
  ///   - heartbeat: a file for its heartbeats.
  func serve(
    _ configuration: String, under: [String] = [], options: [String] = [], heartbeat: String? = nil
  ) throws -> Running {
    let box = try start(configuration, under: under, options: options, heartbeat: heartbeat)
    try box.wait(for: "status.json") { _ in exists("data/status.json") }
    return box
  }

  /// Starts a box and does not wait.
  func start(
    _ configuration: String, under: [String] = [], options: [String] = [], heartbeat: String? = nil
  ) throws -> Running {
    try? FileManager.default.removeItem(at: url("data/status.json"))
    var command = [Lab.synbox, "serve", "--config", configuration] + options
    if let heartbeat {
      command = ["sh", "-c", "exec \"$@\" --heartbeat 3 3>>'\(heartbeat)'", "sh"] + command
    }
    return try Running(lab.inside(lab.box, under + command))
  }

  /// Runs a box that is expected not to start.
  func serveToItsEnd(_ configuration: String, under: [String] = [], options: [String] = []) throws
    -> Outcome
  {
    let command = [Lab.synbox, "serve", "--config", configuration] + options
    return try run(lab.inside(lab.box, under + command), seconds: 20)
  }

  /// Runs a scan from the box to its end.
  func scan(under: [String], _ arguments: [String]) throws -> Outcome {
    try run(lab.inside(lab.box, under + [Lab.synbox, "scan", "-i", "box0"] + arguments))
  }

  /// Runs a program at the target node's end of the link.
  func besideNode(_ arguments: [String]) throws -> Outcome {
    try run(lab.inside(lab.net, arguments), seconds: 60)
  }

  /// Starts a program at the target node's end of the link.
  func startBesideNode(_ arguments: [String]) throws -> Running {
    try Running(lab.inside(lab.net, arguments))
  }

  /// Starts a program at the box's end of the link.
  func besideBox(_ arguments: [String]) throws -> Running {
    try Running(lab.inside(lab.box, arguments))
  }

  /// Changes the gateway's side of the link, as `ip link set net0` does.
  func setGatewayLink(_ arguments: String...) throws {
    let outcome = try run(["ip", "-n", lab.net, "link", "set", "net0"] + arguments)
    guard outcome.status == 0 else { throw LabError("ip link set net0: \(outcome.errors)") }
  }

  /// The Ethernet address of the gateway's side of the link.
  func gatewayMAC() throws -> String {
    let outcome = try run(lab.inside(lab.net, ["cat", "/sys/class/net/net0/address"]))
    guard outcome.status == 0 else { throw LabError("no net0: \(outcome.errors)") }
    return outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Adds or deletes the box's default route.
  func defaultRoute(_ verb: String) throws {
    let arguments = ["route", verb, "default", "via", "198.18.0.254", "dev", "box0"]
    let outcome = try run(["ip", "-n", lab.box] + arguments)
    guard outcome.status == 0 else { throw LabError("ip route \(verb): \(outcome.errors)") }
  }

  /// Sets the box's interface up or down.
  func link(_ state: String) throws {
    try run(lab.inside(lab.box, ["ip", "link", "set", "box0", state]))
  }

  func drop(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: url("data/.\(name)"))
    try FileManager.default.moveItem(at: url("data/.\(name)"), to: url("data/spool/\(name)"))
  }

  func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: url(path).path) }

  func text(_ path: String) throws -> String { try String(contentsOf: url(path), encoding: .utf8) }

  func json(_ path: String) throws -> [String: Any] { try JSON.object(text(path)) }

  /// Returns the lines of a results file without its header. Throws if a line appears twice.
  func results(_ job: String, header: String = "saddr,sport") throws -> Set<String> {
    let lines = try text("data/results/\(job)/results.csv").split(separator: "\n").map(String.init)
    guard lines.first == header else { throw LabError("the header is \(lines.first ?? "missing")") }
    guard Set(lines).count == lines.count else { throw LabError("a result twice in \(job)") }
    return Set(lines.dropFirst())
  }

  /// The state in status.json.
  func state() throws -> String? { try json("data/status.json")["state"] as? String }

  /// Returns the position in a job's last checkpoint, or 0 without one.
  func checkpointPosition(_ job: String) throws -> UInt64 {
    let file = url("data/active/\(job)/checkpoint")
    guard let bytes = try? Data(contentsOf: file) else { return 0 }
    let line = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    guard let position = try JSON.object(line)["index"] as? UInt64 else {
      throw LabError("a checkpoint without a position: \(line)")
    }
    return position
  }

  /// Returns the fields of a running job's job.json.
  func record(_ job: String) throws -> [String: Any] {
    let lines = try text("data/active/\(job)/job.json").split(separator: "\n")
    return try JSON.object(lines.first.map(String.init) ?? "")
  }

  /// Waits until the running job has more than this many bytes of results on disk.
  func waitForResults(_ job: String, bytes: Int) throws {
    try wait("results on the disk", seconds: 30) {
      (try? text("data/active/\(job)/results.partial"))?.utf8.count ?? 0 > bytes
    }
  }

  /// Waits until the box has written its status so many times, a second apart: time in which it could have done what a
  /// test says it does not do.
  func waitForStatuses(_ count: Int) throws {
    func time() throws -> String? { try json("data/status.json")["time"] as? String }
    for _ in 0..<count {
      let before = try time()
      try wait("the next status", seconds: 30) { try time() != before }
    }
  }

  /// Looks fifty times a second.
  func wait(_ what: String, seconds: Double, until condition: () throws -> Bool) throws {
    let deadline = Date.now + seconds * patience
    while try !condition() {
      guard Date.now < deadline else {
        throw LabError(
          "\(what): waited \(seconds * patience) s in vain; \((try? text("data/status.json")) ?? "no status")"
        )
      }
      usleep(20_000)
    }
  }
}

extension Running {
  /// Sends a signal and waits for the end, which a box owes at once whatever it is doing.
  func end(_ number: Int32) throws -> Outcome {
    signal(number)
    return try wait(seconds: 30)
  }
}

/// Returns the lines `address,port` for the even addresses of `blocks` /24 networks from 198.18.`third`.0.
func evenAddresses(from third: Int, blocks: Int, ports: [Int]) -> Set<String> {
  var lines: Set<String> = []
  for block in third..<third + blocks {
    for host in stride(from: 0, to: 256, by: 2) {
      for port in ports { lines.insert("198.18.\(block).\(host),\(port)") }
    }
  }
  return lines
}
