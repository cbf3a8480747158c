// External programs.
import Foundation
import Kernel

/// An external program, run with the same environment on every machine.
struct Tool {
  let name: String
  var arguments: [String]
  var environment: [String: String] = [:]
  /// The file to use as standard input; /dev/null if nil.
  var input: String?
  var directory: String?

  init(_ name: String, _ arguments: [String]) {
    self.name = name
    self.arguments = arguments
  }

  /// The status and output of a finished program.
  struct Outcome {
    let status: Int32
    let output: String
    let errors: String
  }

  /// Runs the program.
  ///
  /// - Throws: a `Fault` with its last output if it cannot be started or fails.
  @discardableResult
  func run() throws -> Outcome {
    let outcome = try attempt()
    guard outcome.status == 0 else {
      let messages = (outcome.errors + outcome.output).split(separator: "\n").suffix(8)
      throw Fault(
        "\(name) failed with status \(outcome.status)",
        detail: messages.isEmpty ? "it printed nothing" : messages.joined(separator: "; "))
    }
    return outcome
  }

  /// Runs the program and returns its outcome, whatever its status.
  ///
  /// - Throws: a `Fault` if it cannot be started.
  func attempt() throws -> Outcome {
    let scratch = try TemporaryDirectory()
    defer { scratch.remove() }
    let process = Process()
    process.executableURL = URL(filePath: try Self.path(of: name))
    process.arguments = arguments
    process.environment = Self.environment.merging(environment) { $1 }
    if let directory { process.currentDirectoryURL = URL(filePath: directory) }
    // Files rather than pipes, because nothing reads a pipe while the program runs.
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

  private static let searchPath = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/lib/apt"]

  private static func path(of name: String) throws -> String {
    if name.contains("/") { return name }
    for directory in searchPath
    where FileManager.default.isExecutableFile(atPath: "\(directory)/\(name)") {
      return "\(directory)/\(name)"
    }
    throw Fault(
      "\(name) is not installed", remedy: "Run `make image` as root: it installs missing tools")
  }

  /// The environment of every tool. It inherits only the proxy settings, because the caller's locale, time zone or
  /// tool settings could change the output.
  private static let environment: [String: String] = {
    var environment = ["PATH": searchPath.joined(separator: ":"), "LC_ALL": "C", "TZ": "UTC"]
    let inherited = ProcessInfo.processInfo.environment
    for name in ["http_proxy", "https_proxy", "no_proxy"] { environment[name] = inherited[name] }
    return environment
  }()
}

/// A temporary directory. Its owner calls `remove()`.
struct TemporaryDirectory {
  let root: String
  private static let prefix = ".synimage-"

  /// - Parameter parent: the parent directory; files can be renamed from here to the same file system.
  init(in parent: String = FileManager.default.temporaryDirectory.path) throws {
    Self.sweep(parent)
    // Absolute, because tools run in other directories.
    let name = "\(Self.prefix)\(getpid())-\(UUID().uuidString)"
    root = URL(filePath: "\(parent)/\(name)").standardizedFileURL.path
    try Output.makeDirectory(root)
  }

  func path(_ name: String) -> String { "\(root)/\(name)" }

  func remove() { try? FileManager.default.removeItem(atPath: root) }

  /// Removes the directories of builds that were killed.
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

/// Writes files and directories, creating missing parents.
enum Output {
  static func makeDirectory(_ path: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw Fault("cannot create the directory \(path)", detail: error.localizedDescription)
    }
  }

  static func write(_ bytes: [UInt8], to path: String) throws {
    try makeDirectory(Files.parent(of: path))
    try Files.write(path, bytes, durable: false)
  }

  static func write(_ text: String, to path: String) throws { try write(Array(text.utf8), to: path) }

  static func copy(_ from: String, to path: String) throws {
    try makeDirectory(Files.parent(of: path))
    do {
      // The target of a symbolic link, because a link would point outside the image.
      let source = URL(filePath: from).resolvingSymlinksInPath()
      try FileManager.default.copyItem(at: source, to: URL(filePath: path))
    } catch {
      throw Fault("cannot copy \(from) to \(path)", detail: error.localizedDescription)
    }
  }
}
