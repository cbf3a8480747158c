// A running management service with a data directory of its own, and curl to talk to it.
import Foundation
import LabSupport
import Manage

/// The answer that curl got.
struct Answer {
  /// 0 if there was none.
  let status: Int
  /// By lower-case names.
  let headers: [String: String]
  let body: Data
  let errors: String

  var text: String { String(decoding: body, as: UTF8.self) }

  func json() throws -> [String: Any] { try JSON.object(text) }
}

/// `synbox-manage serve` on a port of the loopback interface. Everything is removed when the test ends.
final class ManageLab {
  static let program = "\(Lab.root)/build/synbox-manage"
  static let user: uid_t = 60_901

  let root: URL
  let port: Int
  private(set) var service: Running
  private let configuration: String
  /// A token for each role, which is also its owner's name.
  let tokens: [String: String]

  /// - Parameters:
  ///   - settings: further lines of manage.toml.
  ///   - under: the command that runs it, such as a tracer.
  ///   - listen: an address or an interface; without, 127.0.0.1.
  init(
    _ settings: String = "", under: [String] = [], options: [String] = [], listen: String = "127.0.0.1"
  ) throws {
    root = URL(fileURLWithPath: try Lab.boxDirectory())
    port = try Self.freePort()
    try FileManager.default.createDirectory(
      at: root.appending(path: "data"), withIntermediateDirectories: true)
    var generator = SystemRandomNumberGenerator()
    var text = ""
    var tokens: [String: String] = [:]
    for role in Role.allCases {
      let token = AccessToken(using: &generator)
      tokens[role.rawValue] = token.text
      text +=
        TokenEntry(
          principal: Principal(name: role.rawValue, role: role), expires: nil,
          hash: TokenHash(of: token, using: &generator)
        ).section
    }
    let expired = AccessToken(using: &generator)
    tokens["expired"] = expired.text
    text +=
      TokenEntry(
        principal: Principal(name: "late", role: .admin), expires: TokenEntry.expiry("2020-01-01"),
        hash: TokenHash(of: expired, using: &generator)
      ).section
    self.tokens = tokens
    try Data(text.utf8).write(to: root.appending(path: "tokens.toml"))
    configuration = root.appending(path: "manage.toml").path
    try Data(
      """
      data = "data"
      listen = ["\(listen):\(port)"]
      tokens = "tokens.toml"
      attempts-per-minute = 1000
      \(settings)

      """.utf8
    ).write(to: URL(fileURLWithPath: configuration))
    service = try Self.start(configuration, under, options)
  }

  deinit {
    service.signal(SIGKILL)
    _ = try? service.wait(seconds: 5)
    try? FileManager.default.removeItem(at: root)
  }

  private static func start(_ configuration: String, _ under: [String], _ options: [String]) throws
    -> Running
  {
    let service = try Running(under + [program, "serve", "--config", configuration] + options)
    try service.wait(for: "the service") { $0.errorText.contains("msg=serving") }
    return service
  }

  /// Ends the service at once and starts it again.
  func restart(after signal: Int32 = SIGKILL) throws {
    service.signal(signal)
    _ = try service.wait(seconds: 20)
    service = try Self.start(configuration, [], [])
  }

  /// A port that nobody listens on.
  private static func freePort() throws -> Int {
    let outcome = try mustRun([
      "python3", "-c",
      "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1])",
    ])
    guard let port = Int(outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)) else {
      throw LabError("no port: \(outcome.output)")
    }
    return port
  }

  func url(_ path: String) -> URL { root.appending(path: path) }
  func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: url(path).path) }
  func entries(_ path: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: url(path).path).sorted()
  }

  /// Makes a finished job by hand, as the scanner leaves it.
  func finish(_ name: String, results: Data) throws {
    let directory = url("data/results/\(name)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    try results.write(to: directory.appending(path: "results.csv"))
    try Data(#"{"results_written": 3, "ended_because": "completed"}"#.utf8)
      .write(to: directory.appending(path: "summary.json"))
    try mustRun(["chown", "-R", "60900:\(Self.user)", directory.path])
    try mustRun(["chmod", "2775", directory.path])
  }

  /// Sends a request with curl.
  ///
  /// - Parameter role: whose token; nil for none.
  func send(
    _ method: String, _ path: String, as role: String? = "admin", body: Data? = nil,
    _ options: [String] = [], seconds: Double = 60
  ) throws -> Answer {
    let name = UUID().uuidString
    let (headers, output) = (url("\(name).headers"), url("\(name).body"))
    defer { for file in [headers, output] { try? FileManager.default.removeItem(at: file) } }
    var command = ["curl", "-sSk", "--path-as-is", "-X", method, "-D", headers.path, "-o", output.path]
    if method == "HEAD" { command.append("-I") }
    if let role { command += ["-H", "Authorization: Bearer \(tokens[role] ?? role)"] }
    if body != nil {
      command += ["--data-binary", "@-", "-H", "Content-Type: application/octet-stream"]
    }
    command += options + ["https://127.0.0.1:\(port)\(path)"]
    let outcome = try run(command, input: body, seconds: seconds)
    return Self.answer(
      (try? String(contentsOf: headers, encoding: .isoLatin1)) ?? "",
      body: (try? Data(contentsOf: output)) ?? Data(), errors: outcome.errors)
  }

  /// The SHA-256 of the service's own certificate.
  func fingerprint() throws -> String {
    let line = service.errorText.split(separator: "\n").first { $0.contains("has the SHA-256 ") }
    guard let word = line?.split(separator: "has the SHA-256 ").last?.split(separator: " ").first else {
      throw LabError("no SHA-256: \(service.errorText)")
    }
    return String(word)
  }

  /// Runs the hostile client. Returns what it says.
  func hostile(_ command: String...) throws -> [String: Any] { try hostile(command) }

  func hostile(_ command: [String]) throws -> [String: Any] {
    let client = "\(Lab.root)/Tests/HostileClient/client.py"
    let outcome = try run(
      ["python3", client, "\(port)", tokens["admin"] ?? ""] + command, seconds: 100)
    guard outcome.status == 0 else { throw LabError("the hostile client: \(outcome.errors)") }
    return try JSON.object(outcome.output)
  }

  /// The most memory that the service has had, in bytes.
  func peak() throws -> Int {
    let status = try String(contentsOfFile: "/proc/\(service.pid)/status", encoding: .utf8)
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    guard let kilobytes = line?.split(separator: " ").dropLast().last.flatMap({ Int($0) }) else {
      throw LabError("no VmHWM: \(status)")
    }
    return kilobytes * 1024
  }

  /// Reads the last head of those that curl got.
  private static func answer(_ text: String, body: Data, errors: String) -> Answer {
    let heads = text.replacingOccurrences(of: "\r\n", with: "\n").components(separatedBy: "\n\n")
    let lines = (heads.last { !$0.isEmpty } ?? "").split(separator: "\n")
    let status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let sides = line.split(separator: ":", maxSplits: 1)
      guard sides.count == 2 else { continue }
      headers[sides[0].lowercased()] = sides[1].trimmingCharacters(in: .whitespaces)
    }
    return Answer(status: status ?? 0, headers: headers, body: body, errors: errors)
  }
}
