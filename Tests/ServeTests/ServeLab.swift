// The whole box in a lab of its own: build/synbox serves in one namespace, build/synbox responds in the other.
import Foundation
import Kernel
import Synchronization
import Testing

/// The repository.
let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().deletingLastPathComponent()
let program = repository.appending(path: "build/synbox")

/// A process and what it wrote.
final class Running {
  let process = Process()
  private let error: URL

  /// - Parameter error: where its standard error goes.
  init(_ arguments: [String], executable: URL, error: URL) throws {
    self.error = error
    process.executableURL = executable
    process.arguments = arguments
    try #require(FileManager.default.createFile(atPath: error.path, contents: nil))
    process.standardError = try FileHandle(forWritingTo: error)
    process.standardOutput = FileHandle.nullDevice
    try process.run()
  }

  var log: String { (try? String(contentsOf: error, encoding: .utf8)) ?? "" }

  /// Sends a signal and waits; the seconds it took, and how it ended.
  func end(_ signal: Int32) -> (seconds: Double, status: Int32) {
    let start = ContinuousClock.now
    kill(process.processIdentifier, signal)
    process.waitUntilExit()
    let time = (ContinuousClock.now - start).components
    return (Double(time.seconds) + Double(time.attoseconds) / 1e18, process.terminationStatus)
  }

  deinit {
    if process.isRunning {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
  }
}

/// Two namespaces with a target node that answers for even addresses, and a data directory. All of it goes
/// when the test ends, however it ends.
final class ServeLab {
  let name: String
  let root: URL
  private var responder: Running?

  private static let count = Atomic<Int>(0)

  init() throws {
    guard geteuid() == 0 else {
      throw Fault("this test needs root: it makes network namespaces", remedy: "sudo make test")
    }
    guard FileManager.default.isExecutableFile(atPath: program.path) else {
      throw Fault("this test needs build/synbox", remedy: "make build")
    }
    name = "serve-\(getpid())-\(Self.count.add(1, ordering: .relaxed).newValue)"
    root = FileManager.default.temporaryDirectory.appending(path: "synbox-\(name)")
    try FileManager.default.createDirectory(
      at: root.appending(path: "data"), withIntermediateDirectories: true)
    try Self.lab("up", name)
    responder = try start(
      "\(name)-net", ["respond", "--interface", "net0", "--answer", "even", "--json"], "respond.log")
    try wait("the target node", seconds: 10) {
      // Its program is attached once it waits for signals.
      (try? Self.output(["-n", "\(name)-net", "link", "show", "net0"]))?.contains("prog/xdp") == true
    }
  }

  deinit {
    responder = nil
    try? Self.lab("down", name)
    try? FileManager.default.removeItem(at: root)
  }

  func url(_ path: String) -> URL { root.appending(path: path) }

  /// Writes `box.toml`, with a scope of 198.18.0.0/15 unless `text` has one.
  func configure(_ text: String) throws -> String {
    let scope = text.contains("[scope]") ? "" : "[scope]\nallow = [\"198.18.0.0/15\"]\n"
    let path = url("box.toml")
    let head = "data = \"data\"\ninterface = \"box0\"\n"
    try Data((head + text + scope).utf8).write(to: path)
    return path.path
  }

  func serve(_ configuration: String) throws -> Running {
    try start("\(name)-box", ["serve", "--config", configuration], "serve.log")
  }

  private func start(_ namespace: String, _ arguments: [String], _ log: String) throws -> Running {
    // `ip netns exec` becomes the program, so that signals reach it.
    try Running(
      ["netns", "exec", namespace, program.path] + arguments,
      executable: URL(fileURLWithPath: "/usr/sbin/ip"), error: url(log))
  }

  func drop(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: url("data/.\(name)"))
    try FileManager.default.moveItem(at: url("data/.\(name)"), to: url("data/spool/\(name)"))
  }

  func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: url(path).path) }

  func text(_ path: String) throws -> String { try String(contentsOf: url(path), encoding: .utf8) }

  func json(_ path: String) throws -> [String: Any] {
    let value = try JSONSerialization.jsonObject(with: Data(contentsOf: url(path)))
    return try #require(value as? [String: Any])
  }

  /// Looks ten times a second.
  func wait(_ what: String, seconds: Double, until condition: () throws -> Bool) throws {
    let deadline = Date.now + seconds
    while try !condition() {
      guard Date.now < deadline else { throw Fault("\(what): waited \(seconds) s in vain") }
      Thread.sleep(forTimeInterval: 0.1)
    }
  }

  private static func lab(_ verb: String, _ name: String) throws {
    let process = Process()
    process.executableURL = repository.appending(path: "netconfig/lab")
    process.arguments = [verb, name]
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Fault("netconfig/lab \(verb) \(name) failed") }
  }

  private static func output(_ arguments: [String]) throws -> String {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/sbin/ip")
    process.arguments = arguments
    process.standardOutput = pipe
    try process.run()
    let octets = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return String(decoding: octets, as: UTF8.self)
  }
}

/// The lines `address,port` for the even addresses of 198.18.`third`.0 and `blocks` /24 from there on.
func evenAddresses(from third: Int, blocks: Int, ports: [Int]) -> Set<String> {
  var lines: Set<String> = []
  for block in third..<third + blocks {
    for host in stride(from: 0, to: 256, by: 2) {
      for port in ports { lines.insert("198.18.\(block).\(host),\(port)") }
    }
  }
  return lines
}
