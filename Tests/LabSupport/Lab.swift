// A lab of a test's own: two namespaces without a way out, and the built binary in them.
import Foundation
import Synchronization

/// Made by `netconfig/lab`, removed when it goes out of scope. Names carry the process's number, so that
/// what a killed run left behind is recognised and removed by the next.
public final class Lab: Sendable {
  public let name: String
  public var box: String { "\(name)-box" }
  public var net: String { "\(name)-net" }
  private static let counter = Atomic<Int>(0)

  /// The repository.
  public static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
  /// The static binary, as `make build` leaves it.
  public static let synbox = "\(root)/build/synbox"
  /// As `make benchmark` leaves it.
  public static let benchmark = "\(root)/build/benchmark"

  /// Of Debian's package prometheus, as `make test` leaves it.
  public static let promtool = "\(root)/build/promtool"

  /// Of Debian's package nats-server, as `make test` leaves it.
  public static let natsServer = "\(root)/build/nats-server"

  public init() throws {
    guard geteuid() == 0 else { throw LabError("lab tests make namespaces: run them as root") }
    guard FileManager.default.isExecutableFile(atPath: Self.synbox) else {
      throw LabError("there is no build/synbox: run `make build` first, or `make test`")
    }
    name = Self.uniqueName()
    let made = try run(["\(Self.root)/netconfig/lab", "up", name])
    guard made.status == 0 else { throw LabError("cannot make the lab: \(made.errors)") }
  }

  deinit { _ = try? run(["\(Self.root)/netconfig/lab", "down", name]) }

  /// A name that tells whose it is: `synbox-PID-N`. `Leftovers` finds things by it after a killed run.
  public static func uniqueName() -> String {
    Leftovers.sweep
    return "synbox-\(getpid())-\(counter.add(1, ordering: .relaxed).newValue)"
  }

  /// Arguments that run a program in a namespace.
  public func inside(_ namespace: String, _ arguments: [String]) -> [String] {
    ["ip", "netns", "exec", namespace] + arguments
  }

  /// A scan from the box to its end.
  public func scan(_ arguments: [String], input: Data? = nil, seconds: Double = 60) throws -> Outcome {
    try run(
      inside(box, [Self.synbox, "scan", "-i", "box0"] + arguments), input: input, seconds: seconds)
  }

  /// The target node, ready to answer.
  public func respond(_ arguments: [String]) throws -> TargetNode {
    let running = try Running(
      inside(net, [Self.synbox, "respond", "-i", "net0", "--json"] + arguments))
    try running.wait(for: "readiness") { $0.text.contains("\"ready\"") }
    return TargetNode(running)
  }

  /// Whom a box becomes that root starts.
  public static let boxUser: uid_t = 60_900

  /// Gives a file or directory to the box, as if it had made it.
  public static func giveToBox(_ path: String) throws {
    try FileManager.default.setAttributes(
      [.ownerAccountID: boxUser, .groupOwnerAccountID: boxUser], ofItemAtPath: path)
  }

  /// Whether root may lock any amount of memory. In some containers it may not.
  public static let canLockMemory: Bool = {
    let lifted = try? run(["bash", "-c", "ulimit -l unlimited"])
    return lifted?.status == 0
  }()

  static let boxParent = "/var/tmp"
  static let temporaryParent = "\(root)/build/tests"

  /// A directory for a box, to be removed by the test. Not below build/: the box's own user must reach it, and
  /// the repository may lie in root's home.
  public static func boxDirectory() throws -> String {
    let path = "\(boxParent)/\(uniqueName())"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    return path
  }

  /// A directory of the test's own, below build/. It is removed when the test process exits.
  public static func temporaryDirectory() throws -> String {
    removeDirectoriesAtExit
    let path = "\(temporaryParent)/\(uniqueName())"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  private static let removeDirectoriesAtExit: Void = {
    atexit {
      let files = FileManager.default
      for name in (try? files.contentsOfDirectory(atPath: Lab.temporaryParent)) ?? []
      where name.hasPrefix("synbox-\(getpid())-") {
        try? files.removeItem(atPath: "\(Lab.temporaryParent)/\(name)")
      }
    }
  }()
}

/// A running `synbox respond`.
public final class TargetNode: Sendable {
  private let running: Running

  init(_ running: Running) { self.running = running }

  /// Returns its counters while it runs.
  public func counts() throws -> [String: Int] {
    func lines() -> [Substring] { running.text.split(separator: "\n").filter { $0.hasSuffix("}") } }
    let before = lines().count
    running.signal(SIGUSR1)
    try running.wait(for: "the counters of the target node") { _ in lines().count > before }
    return try JSON.object(String(lines()[before])).compactMapValues { $0 as? Int }
  }

  /// Ends it and gives its counters.
  public func end() throws -> [String: Int] {
    running.signal(SIGTERM)
    let outcome = try running.wait()
    guard outcome.status == 0, let last = outcome.lines.last else {
      throw LabError("the target node failed: \(outcome.errors)")
    }
    return try JSON.object(last).compactMapValues { $0 as? Int }
  }
}

public enum JSON {
  public static func object(_ text: String) throws -> [String: Any] {
    guard
      let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
    else { throw LabError("not a JSON object: \(text)") }
    return object
  }

  /// The summary that a scan left in a file, numbers only.
  public static func numbers(file: String) throws -> [String: Double] {
    try numbers(text: String(contentsOfFile: file, encoding: .utf8))
  }

  /// An object's numbers.
  public static func numbers(text: String) throws -> [String: Double] {
    try object(text).compactMapValues { ($0 as? NSNumber)?.doubleValue }
  }
}
