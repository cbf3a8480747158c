// The tables of docs/reference/configuration.md come from the tables of settings.
import Foundation
import Init
import NIC
import Settings
import Testing

@testable import synbox

@Suite(.timeLimit(.minutes(5))) struct `The configuration reference` {
  private static let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appending(path: "../../docs/reference/configuration.md").standardized

  /// Each generated part of the page, by its name.
  private static func parts() throws -> [(name: String, table: String)] {
    let configuration = Configuration(defaultsFor: try TOMLDocument("", file: ""))
    return [
      (
        "synbox.toml",
        Configuration.settings.markdown(
          of: configuration,
          [
            (.key, "key"), (.type, "type"), (.standard, "default"), (.meaning, "meaning"),
            (.reload, "reload"),
          ])
      ),
      (
        "scope",
        ScopeSources.settings.markdown(
          of: configuration.scope,
          [
            (.key, "key in `[scope]`"), (.type, "type"), (.standard, "default"),
            (.meaning, "meaning"),
          ])
      ),
      (
        "box.toml",
        BoxSettings.settings.markdown(
          of: BoxSettings(), nested: true,
          [(.key, "key"), (.type, "type"), (.standard, "default"), (.meaning, "meaning")])
      ),
      (
        "NIC profile",
        InterfaceProfile.settings.markdown(
          of: InterfaceProfile(source: ""), [(.key, "key in a NIC profile"), (.meaning, "value")])
      ),
    ]
  }

  /// `make reference` writes the page instead.
  @Test func `has the tables of the settings`() throws {
    let page = try String(contentsOf: Self.page, encoding: .utf8)
    var expected = page
    for (name, table) in try Self.parts() {
      expected = try #require(
        GeneratedPage.replacing(name, in: expected, with: table), "the page has no part \(name)")
    }
    if ProcessInfo.processInfo.environment["SYNBOX_WRITE_REFERENCE"] != nil {
      try Data(expected.utf8).write(to: Self.page)
    } else {
      #expect(page == expected, "`make reference` writes the page again")
    }
  }

  @Test func `has a meaning and a type for every key`() throws {
    let configuration = Configuration(defaultsFor: try TOMLDocument("", file: ""))
    for row in Configuration.settings.rows(of: configuration, nested: true) {
      #expect(!row.meaning.isEmpty && !row.type.isEmpty && !row.standard.isEmpty, "\(row.key)")
    }
  }

  /// A default in the form of TOML is one that can be written into a file without changing anything.
  @Test func `has defaults that hold when they are written into a file`() throws {
    let head = "data = \"/data\"\ninterface = \"eth0\"\nscope.allow = \"198.18.0.0/15\"\n"
    let plain = try Configuration(Array(head.utf8), path: "/synbox.toml")
    var lines = 0
    for setting in Configuration.settings.settings {
      guard case .initial = setting.standard else { continue }
      let row = try #require(
        Configuration.settings.rows(of: plain).first { $0.key == setting.key })
      let text = head + "\(row.key) = \(row.standard.trimmingCharacters(in: ["`"]))\n"
      let written = try Configuration(Array(text.utf8), path: "/synbox.toml")
      #expect(plain.keys(changedIn: written).isEmpty, "\(row.key) = \(row.standard)")
      lines += 1
    }
    #expect(lines > 10)
  }
}
