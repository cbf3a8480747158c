// Inputs for `synimage build`: a copy of image/ that a test may change, and the real programs.
import Foundation
import LabSupport

/// A temporary directory with a copy of image/. Only one test uses it at a time; the one of the shared image is never changed.
final class BuildFixture: @unchecked Sendable {
  let root: URL
  var data: URL { root.appending(path: "image") }
  var site: URL { root.appending(path: "image/sites/lab") }
  var output: URL { root.appending(path: "out") }
  /// The path of the synbox binary.
  var program = BuildFixture.program

  static let program = "\(Lab.root)/build/synbox.stripped"
  static let manage = "\(Lab.root)/build/synbox-manage.stripped"
  static let agent = "\(Lab.root)/build/synbox-agent.stripped"
  static let synimage = "\(Lab.root)/build/synimage"
  static let cache = "\(Lab.root)/build/cache/packages"

  init() throws {
    for file in [Self.program, Self.manage, Self.agent, Self.synimage]
    where !FileManager.default.isExecutableFile(atPath: file) {
      throw LabError("no such file: \(file); run `make image` first")
    }
    Self.sweep
    root = Self.parent.appending(path: "\(Self.prefix)\(getpid()).\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    try FileManager.default.copyItem(at: URL(filePath: "\(Lab.root)/image"), to: data)
  }

  private static let parent = FileManager.default.temporaryDirectory
  private static let prefix = "ImageTests."

  /// Removes the directories of earlier runs. The shared image outlives its tests.
  private static let sweep: Void = {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: parent.path)) ?? []
    where name.hasPrefix(prefix) {
      let owner = name.dropFirst(prefix.count).prefix { $0 != "." }
      if FileManager.default.fileExists(atPath: "/proc/\(owner)") { continue }
      try? FileManager.default.removeItem(at: parent.appending(path: name))
    }
  }()

  deinit { try? FileManager.default.removeItem(at: root) }

  func build(_ options: [String] = [], cache: String = BuildFixture.cache) throws -> Outcome {
    try synimage(
      [
        "build", "--data", data.path, "--profile", "lab", "--program", program, "--version", "7",
        "--revision", "test", "--epoch", "1700000000", "--cache", cache, "--output", output.path,
      ] + options)
  }

  func synimage(_ arguments: [String]) throws -> Outcome {
    try run([Self.synimage] + arguments, seconds: 300)
  }

  static let management = "[management]\nmac = \"52:54:00:00:00:02\"\naddress = \"dhcp\"\n"

  /// Makes the site one of a fleet.
  func addAgent() throws {
    let scanner = site.appending(path: "synbox.toml")
    try change(site.appending(path: "box.toml"), "[watchdog]", to: "\(Self.management)\n[watchdog]")
    try change(scanner, "[scope]", to: "licence = \"fleet/licence\"\n\n[scope]")
    try Data("data = \"/data\"\nidentity = \"/data/identity\"\n".utf8)
      .write(to: site.appending(path: "agent.toml"))
  }

  /// Gives the site a management NIC and a management service.
  func addService() throws {
    try change(site.appending(path: "box.toml"), "[watchdog]", to: "\(Self.management)[watchdog]")
    try write(
      "data = \"/data\"\nlisten = [\"mgmt0:8443\"]\ntokens = \"tokens\"\n",
      to: site.appending(path: "manage.toml"))
    let hash = "sha256:00112233445566778899aabbccddeeff:\(String(repeating: "0f", count: 32))"
    try write(
      "\n[[token]]\nname = \"ada\"\nrole = \"read\"\nhash = \"\(hash)\"\n",
      to: site.appending(path: "tokens"))
  }

  func write(_ text: String, to url: URL) throws { try Data(text.utf8).write(to: url) }

  /// Replaces text in a file. Throws if the text is not there.
  func change(_ url: URL, _ old: String, to new: String) throws {
    let text = try String(contentsOf: url, encoding: .utf8)
    guard text.contains(old) else { throw LabError("\(url.path) has no \(old)") }
    try write(text.replacing(old, with: new), to: url)
  }

  /// Returns the lock's entry of a package.
  func lockEntry(_ name: String) throws -> (version: String, file: String, sha256: String, size: String)
  {
    let text = try String(contentsOf: data.appending(path: "packages.lock"), encoding: .utf8)
    guard
      let entry = text.components(separatedBy: "[[package]]").first(where: {
        $0.contains("name = \"\(name)\"")
      })
    else { throw LabError("the lock has no \(name)") }
    func field(_ key: String) throws -> String {
      guard let line = entry.split(separator: "\n").first(where: { $0.hasPrefix("\(key) = ") }) else {
        throw LabError("the lock's \(name) has no \(key)")
      }
      return line.dropFirst(key.count + 3).filter { $0 != "\"" }
    }
    return (try field("version"), try field("file"), try field("sha256"), try field("size"))
  }

  /// Replaces a locked package with one that the test makes. Changes the lock and returns a cache with the new package and
  /// all others.
  func replace(_ name: String, content: (URL) throws -> Void) throws -> String {
    let tree = root.appending(path: "package")
    let control = tree.appending(path: "DEBIAN")
    try FileManager.default.createDirectory(at: control, withIntermediateDirectories: true)
    let entry = try lockEntry(name)
    try write(
      """
      Package: \(name)
      Version: \(entry.version)
      Architecture: amd64
      Maintainer: A Test <test@example.org>
      Description: test

      """, to: control.appending(path: "control"))
    try content(tree)
    let package = root.appending(path: "package.deb").path
    let packed = try run(["dpkg-deb", "--root-owner-group", "-Zgzip", "--build", tree.path, package])
    guard packed.status == 0 else { throw LabError(packed.errors) }
    let hash = try run(["sha256sum", package]).output.prefix(64)
    let size = try FileManager.default.attributesOfItem(atPath: package)[.size] as? Int ?? 0
    let cache = root.appending(path: "cache")
    try FileManager.default.createDirectory(at: cache, withIntermediateDirectories: true)
    for file in try FileManager.default.contentsOfDirectory(atPath: Self.cache)
    where file.hasSuffix(".deb") {
      try FileManager.default.createSymbolicLink(
        atPath: cache.appending(path: file).path, withDestinationPath: "\(Self.cache)/\(file)")
    }
    try FileManager.default.moveItem(atPath: package, toPath: cache.appending(path: "\(hash).deb").path)
    let lock = data.appending(path: "packages.lock")
    try change(
      lock, "size = \(entry.size)\nsha256 = \"\(entry.sha256)\"",
      to: "size = \(size)\nsha256 = \"\(hash)\"")
    return cache.path
  }

  /// Returns the kernel release in the lock.
  func kernel() throws -> String {
    let text = try String(contentsOf: data.appending(path: "packages.lock"), encoding: .utf8)
    guard let match = text.firstMatch(of: /kernel = "([^"]+)"/) else {
      throw LabError("no kernel in the lock")
    }
    return String(match.1)
  }
}
