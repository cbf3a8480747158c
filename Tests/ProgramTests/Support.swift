// What several tests need: files of a test's own, and configurations.
import Foundation
import Plan
import Testing

@testable import synbox

/// A directory that is removed when the test ends.
final class TestDirectory {
  let root: URL

  init() throws {
    root = FileManager.default.temporaryDirectory.appending(path: "program-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: root) }

  var path: String { root.path }
  func url(_ name: String) -> URL { root.appending(path: name) }
  func write(_ text: String, to name: String) throws { try Data(text.utf8).write(to: url(name)) }
}

/// Returns a configuration with these lines, and those that every one must have.
func configuration(_ lines: String) throws -> Configuration {
  try Configuration(
    Array("data = \"/data\"\ninterface = \"eth0\"\n\(lines)scope.allow = \"198.18.0.0/15\"\n".utf8),
    path: "/synbox.toml")
}

/// Reads and plans a target file.
func planned(_ text: String) throws -> (plan: TargetPlan, directives: Directives) {
  let file = try TargetFile.parse(Array(text.utf8), name: "net.txt", format: .text)
  let directives = file.directives
  let scope = Scope(allow: try AddressSet(parsing: "198.18.0.0/15"), deny: AddressSet())
  return (try TargetPlan([file], defaultPorts: nil, scope: scope), directives)
}
