// Pinned versions: Package.swift and .swift-version against what the build embedded.
import Foundation
import LabSupport
import LabTraits
import Testing

/// The packages in Package.swift.
enum Pins {
  struct Package: Hashable {
    let name: String
    let version: String
    let url: String
  }

  static func manifest() throws -> String {
    try String(contentsOfFile: "\(Lab.root)/Package.swift", encoding: .utf8)
  }

  /// Returns the packages in a piece of the manifest.
  static func packages(in text: String) -> [Package] {
    text.matches(of: /\.package\(url: "([^"]+\/([^"\/]+))", exact: "([0-9.]+)"\)/).map {
      Package(name: String($0.2), version: String($0.3), url: String($0.1))
    }
  }

  /// Returns the packages that are linked into synbox.
  static func box() throws -> [Package] { try packages(of: "boxPackages") }

  /// Returns those of synbox-manage that synbox does not have.
  static func services() throws -> [Package] {
    try packages(of: "builderPackages") + packages(of: "servicePackages")
  }

  private static func packages(of name: String) throws -> [Package] {
    let parts = try manifest().components(separatedBy: "\nlet \(name)")
    let array = try #require(parts.dropFirst().first?.components(separatedBy: "\n]").first)
    return packages(in: array)
  }
}

@Suite(.lab, .timeLimit(.minutes(5))) struct `The pinned versions` {
  @Test func `are exact for every package that SwiftPM resolved`() throws {
    let manifest = try Pins.manifest()
    #expect(manifest.matches(of: /\.package\(/).count == Pins.packages(in: manifest).count)
    let resolved = try JSON.object(
      Data(contentsOf: URL(filePath: "\(Lab.root)/Package.resolved")))
    let pins = try #require(resolved["pins"] as? [[String: Any]])
    let versions = pins.map { pin in
      [pin["identity"] as? String, (pin["state"] as? [String: Any])?["version"] as? String]
    }
    #expect(
      Set(versions) == Set(Pins.packages(in: manifest).map { [$0.name.lowercased(), $0.version] }))
  }

  @Test func `are those that synbox version prints`() throws {
    let outcome = try run(["\(Lab.root)/build/synbox", "version"])
    #expect(outcome.status == 0)
    let lines = outcome.lines.map { $0.split(separator: " ").map(String.init) }
    #expect(lines.first?.first == "synbox")
    let toolchain = try String(contentsOfFile: "\(Lab.root)/.swift-version", encoding: .utf8)
    #expect(lines.contains(["Swift", toolchain.filter { $0 != "\n" }]))
    let box = try Pins.box()
    #expect(box.count == 2)
    #expect(Array(lines.suffix(box.count)) == box.map { [$0.name, $0.version, $0.url] })
    let libraries = [
      "libbpf", "libcap", "libelf", "libnl", "libseccomp", "libxdp", "libzstd", "zlib",
    ]
    #expect(lines.dropFirst(3).dropLast(box.count).map { $0[0] } == libraries)
    #expect(lines.dropFirst().allSatisfy { $0[1].wholeMatch(of: /[0-9]+(\.[0-9]+)+/) != nil })
  }

  @Test func `are the toolchain's in synimage too`() throws {
    let outcome = try run([BuildFixture.synimage, "--version"])
    #expect(outcome.status == 0)
    let toolchain = try String(contentsOfFile: "\(Lab.root)/.swift-version", encoding: .utf8)
    #expect(outcome.output.hasPrefix("synimage "))
    #expect(outcome.output.contains("\nSwift \(toolchain)"))
  }

  /// The version of `swift`, whether the build warns or stops, and whether it does with --exact.
  @Test(arguments: [
    ("6.3.1", "", ""), ("6.3", "warning", "error"), ("6.3.2", "warning", "error"),
    ("6.4", "error", "error"), ("6.30.1", "error", "error"), ("", "error", "error"),
  ])
  func `are compared with the toolchain`(version: String, expected: String, exact: String) throws {
    let directory = URL(filePath: try Lab.temporaryDirectory())
    let tools = directory.appending(path: "tools")
    try FileManager.default.createDirectory(at: tools, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      at: URL(filePath: "\(Lab.root)/packaging/toolchain"), to: tools.appending(path: "toolchain"))
    try Data("6.3.1\n".utf8).write(to: directory.appending(path: ".swift-version"))
    // A `swift` that prints what the compiler does.
    let swift = directory.appending(path: "swift")
    let script = "#!/bin/sh\necho 'Swift version \(version) (swift-\(version)-RELEASE)'\n"
    try Data((version.isEmpty ? "#!/bin/sh\nexit 1\n" : script).utf8).write(to: swift)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: swift.path)
    for (option, result) in [([], expected), (["--exact"], exact)] {
      let outcome = try run(
        ["env", "PATH=\(directory.path):/usr/bin:/bin", tools.appending(path: "toolchain").path]
          + option)
      #expect((outcome.status == 0) == (result != "error"), "\(version): \(outcome.errors)")
      #expect(outcome.errors.isEmpty == result.isEmpty)
      #expect(outcome.errors.contains("warning") == (result == "warning"))
      if !result.isEmpty { #expect(outcome.errors.contains("6.3.1")) }
    }
  }
}
