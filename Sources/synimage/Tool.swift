// The host's programs, which do most of the work.
import Foundation
import Kernel

/// A program of the host, run to its end with an environment that is the same on every machine.
struct Tool {
  let name: String
  var arguments: [String]
  var environment: [String: String] = [:]
  /// The file that standard input is; nothing otherwise.
  var input: String?
  var directory: String?

  init(_ name: String, _ arguments: [String]) {
    self.name = name
    self.arguments = arguments
  }

  /// What a finished program left.
  struct Outcome {
    let status: Int32
    let output: String
    let errors: String
  }

  /// Runs it. Throws a `Fault`, with what it said, when it cannot be started or fails.
  @discardableResult
  func run() throws -> Outcome {
    let outcome = try attempt()
    guard outcome.status == 0 else {
      let said = (outcome.errors + outcome.output).split(separator: "\n").suffix(8)
      throw Fault(
        "\(name) failed with status \(outcome.status)",
        detail: said.isEmpty ? "it said nothing" : said.joined(separator: "; "))
    }
    return outcome
  }

  /// Runs it, whatever its end. Throws a `Fault` only when it cannot be started.
  func attempt() throws -> Outcome {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let process = Process()
    process.executableURL = URL(filePath: try Self.path(of: name))
    process.arguments = arguments
    process.environment = Self.environment.merging(environment) { $1 }
    if let directory { process.currentDirectoryURL = URL(filePath: directory) }
    // Files, not pipes: nobody has to read while it runs.
    let (output, errors) = (scratch.path("output"), scratch.path("errors"))
    process.standardOutput = try FileHandle(forWritingTo: Self.created(output))
    process.standardError = try FileHandle(forWritingTo: Self.created(errors))
    process.standardInput =
      try input.map { try FileHandle(forReadingFrom: URL(filePath: $0)) } ?? FileHandle.nullDevice
    do {
      try process.run()
    } catch {
      throw Fault("cannot run \(name)", detail: "\(error.localizedDescription)")
    }
    process.waitUntilExit()
    return Outcome(
      status: process.terminationReason == .exit
        ? process.terminationStatus : 128 + process.terminationStatus,
      output: String(decoding: try Data(contentsOf: URL(filePath: output)), as: UTF8.self),
      errors: String(decoding: try Data(contentsOf: URL(filePath: errors)), as: UTF8.self))
  }

  private static func created(_ path: String) throws -> URL {
    try Output.write([], to: path)
    return URL(filePath: path)
  }

  private static let places = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/lib/apt"]

  private static func path(of name: String) throws -> String {
    if name.contains("/") { return name }
    for place in places where FileManager.default.isExecutableFile(atPath: "\(place)/\(name)") {
      return "\(place)/\(name)"
    }
    throw Fault(
      "there is no \(name) on this machine", remedy: "`make image` installs what it needs, as root")
  }

  /// Nothing of the caller's but how it reaches the network: locale, time zone and settings of the tools
  /// would show in what they make.
  private static let environment: [String: String] = {
    var environment = ["PATH": places.joined(separator: ":"), "LC_ALL": "C", "TZ": "UTC"]
    let inherited = ProcessInfo.processInfo.environment
    for name in ["http_proxy", "https_proxy", "no_proxy"] { environment[name] = inherited[name] }
    return environment
  }()
}

/// A directory for a while, to be removed by whoever made it.
struct Scratch {
  let root: String
  private static let prefix = ".synimage-"

  /// - Parameter parent: where it is made, so that what is in it can be renamed from there.
  init(in parent: String = FileManager.default.temporaryDirectory.path) throws {
    Self.sweep(parent)
    // Absolute: tools are run in directories of their own.
    let name = "\(Self.prefix)\(getpid())-\(UUID().uuidString)"
    root = URL(filePath: "\(parent)/\(name)").standardizedFileURL.path
    try Output.directory(root)
  }

  func path(_ name: String) -> String { "\(root)/\(name)" }

  func remove() { try? FileManager.default.removeItem(atPath: root) }

  /// Removes what a build that was killed has left.
  private static func sweep(_ parent: String) {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
    where name.hasPrefix(prefix) {
      let owner = name.dropFirst(prefix.count).prefix { $0 != "-" }
      guard let process = Int(owner), !FileManager.default.fileExists(atPath: "/proc/\(process)") else {
        continue
      }
      try? FileManager.default.removeItem(atPath: "\(parent)/\(name)")
    }
  }
}

/// Files and directories as they are made here: with modes of their own, not by the caller's umask.
enum Output {
  static func directory(_ path: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw Fault("cannot make the directory \(path)", detail: error.localizedDescription)
    }
  }

  static func write(_ bytes: [UInt8], to path: String) throws {
    try directory(Files.parent(of: path))
    try Files.write(path, bytes, durable: false)
  }

  static func write(_ text: String, to path: String) throws { try write(Array(text.utf8), to: path) }

  static func copy(_ from: String, to path: String) throws {
    try directory(Files.parent(of: path))
    do {
      // What a link leads to: an image has no use for a link that leads out of it.
      let source = URL(filePath: from).resolvingSymlinksInPath()
      try FileManager.default.copyItem(at: source, to: URL(filePath: path))
    } catch {
      throw Fault("cannot copy \(from) to \(path)", detail: error.localizedDescription)
    }
  }
}
