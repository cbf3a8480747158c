// A data directory for one test, and what operators do in it.
import Foundation
import Kernel
import Spool

/// A data directory that is removed when the test ends.
final class Box {
  let root: URL
  let data: DataDirectory
  private(set) var spool: Spool
  /// CLOCK_MONOTONIC as the test has it.
  var now: UInt64 = 1_000_000_000

  init() throws {
    root = FileManager.default.temporaryDirectory.appending(path: "spool-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    data = try DataDirectory(root.path)
    spool = try Spool(data)
  }

  deinit { try? FileManager.default.removeItem(at: root) }

  /// As if the process had ended and another one started.
  func restart(atRest: Bool = false) throws { spool = try Spool(data, isAtRest: atRest) }

  func url(_ path: String) -> URL { root.appending(path: path) }

  /// Written under a dot-name and renamed, as interface.md advises.
  func drop(_ name: String, _ text: String = "198.18.0.0/24:80\n") throws {
    try Data(text.utf8).write(to: url("spool/.upload"))
    try Files.rename(url("spool/.upload").path, to: "\(data.spool)/\(name)")
  }

  func list() throws -> Spool.Listing { try spool.list(now: now) }

  /// The first candidate, claimed.
  func claim() throws -> Job? {
    guard let first = try list().waiting.first else { return nil }
    return try spool.claim(first)
  }

  func text(_ path: String) throws -> String {
    String(decoding: try Data(contentsOf: url(path)), as: UTF8.self)
  }

  /// The names in a directory, sorted.
  func names(_ path: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: url(path).path).sorted()
  }

  func waitASecond() { now += 1_000_000_000 }
}

/// Runs a program of the system; its exit status.
func run(_ command: String) throws -> Int32 {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = command.split(separator: " ").map(String.init)
  try process.run()
  process.waitUntilExit()
  return process.terminationStatus
}
