// Debian's nats-server, on a loopback address of its own.
import Foundation
import LabSupport
import NATS
import NIOCore
import Synchronization

/// Ends when it goes out of scope.
final class LabServer: Sendable {
  let directory: URL
  let server: NATSServer
  private let running: Mutex<Running>

  /// Addresses that no other test of this run or another uses.
  static func address() -> String {
    let number = addresses.wrappingAdd(1, ordering: .relaxed).newValue
    return "127.\(firstByte).\(number >> 8 & 255).\(number & 255)"
  }

  private static let addresses = Atomic<Int>(0)
  private static let firstByte = Int.random(in: 64...250)

  /// A directory that the caller removes.
  static func makeDirectory() throws -> URL {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "synbox-nats-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    return directory
  }

  /// - Parameter configuration: what it has beside `listen`.
  init(_ configuration: String = "", address: String = LabServer.address()) throws {
    directory = try Self.makeDirectory()
    server = try NATSServer(parsing: "\(address):4222")
    let file = directory.appending(path: "nats-server.conf")
    try Data("listen: \"\(server)\"\n\(configuration)\n".utf8).write(to: file)
    running = Mutex(try Self.start(file.path))
  }

  /// Starts one with a configuration that has everything.
  init(file: String, server: NATSServer) throws {
    directory = try Self.makeDirectory()
    self.server = server
    running = Mutex(try Self.start(file))
    self.file.withLock { $0 = file }
  }

  private let file = Mutex<String?>(nil)

  private static func start(_ file: String) throws -> Running {
    guard FileManager.default.isExecutableFile(atPath: Lab.natsServer) else {
      throw LabError("\(Lab.natsServer) is missing: run `make build/nats-server` first")
    }
    let running = try Running([Lab.natsServer, "-c", file])
    try running.wait(for: "readiness") { $0.errorText.contains("Server is ready") }
    return running
  }

  deinit { try? FileManager.default.removeItem(at: directory) }

  var pid: Int32 { running.withLock { $0.pid } }
  var log: String { running.withLock { $0.errorText } }

  func kill() throws {
    try running.withLock {
      $0.signal(SIGKILL)
      _ = try $0.wait()
    }
  }

  func restart() throws {
    let path = file.withLock { $0 } ?? directory.appending(path: "nats-server.conf").path
    let new = try Self.start(path)
    running.withLock { $0 = new }
  }

  /// Has it read its configuration again.
  func reload() throws {
    try running.withLock {
      let before = $0.errorText.count
      $0.signal(SIGHUP)
      try $0.wait(for: "reload") {
        $0.errorText.dropFirst(before).contains("Reloaded server configuration")
      }
    }
  }
}
