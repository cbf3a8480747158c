// Sites: directories with box.toml, synbox.toml, manage.toml, the files that these name, and image.toml.
import Foundation
import Init
import Kernel
import NIC
import Plan
import Settings

/// A valid site.
struct Site {
  let name: String
  let directory: String
  let box: BoxSettings
  /// Kernel consoles. PID 1 writes to the last one.
  let consoles: [String]
  /// Whether the box works for a fleet.
  let hasAgent: Bool
  /// The files of /etc/synbox, without those that the builder adds.
  let files: [(name: String, bytes: [UInt8])]

  /// The files whose names the builder knows.
  static let ownNames = [
    "box.toml", "synbox.toml", "image.toml", "os-release", ManageSite.name, AgentSite.name,
  ]

  /// Reads a site and checks it with the programs that go into the image.
  ///
  /// - Parameters:
  ///   - manage: the program of the management service; nil for an image without it.
  ///   - agent: the program of the agent; nil for an image without it.
  /// - Throws: `InputError` or `SiteCheckError` for an invalid site, a `Fault` if it cannot be read.
  init(directory: String, program: String, manage: String?, agent: String?) throws {
    self.directory = directory
    name = URL(filePath: directory).standardizedFileURL.lastPathComponent
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: directory).sorted() else {
      throw InputError(
        directory, found: "no directory", expected: "a site: box.toml, synbox.toml and its lists")
    }
    box = try Self.box("\(directory)/box.toml")
    let scanner = try ScannerSettings(file: "\(directory)/synbox.toml", box: box)
    consoles = try Self.consoles("\(directory)/image.toml")
    try Self.check("\(directory)/synbox.toml", with: program)
    var known = ["box.toml", "synbox.toml"] + scanner.files
    if names.contains(ManageSite.name) {
      let service = try ManageSite(directory: directory, box: box, program: manage)
      known += service.files.filter { !known.contains($0) }
    }
    hasAgent = names.contains(AgentSite.name)
    if hasAgent {
      try AgentSite.check(directory: directory, box: box, program: agent)
      try scanner.expectLicence()
      known.append(AgentSite.name)
    }
    files = try known.map { ($0, try Files.read("\(directory)/\($0)")) }
    // An operator would believe that a list which nothing reads is in force.
    for file in names where !known.contains(file) && file != "image.toml" && !file.hasPrefix(".") {
      throw InputError(
        "\(directory)/\(file)", found: "a file that synbox.toml does not name",
        expected:
          "box.toml, synbox.toml, manage.toml, agent.toml, image.toml and the files that synbox.toml and manage.toml name"
      )
    }
  }

  /// Reads box.toml with the reader of PID 1. The builder adds [modules], so a site must not have it.
  private static func box(_ file: String) throws -> BoxSettings {
    let document = try TOMLDocument(
      Files.read(file), file: file, maximumSize: BoxSettings.maximumSize)
    let settings = try BoxSettings(document)
    guard document.root["modules"] == nil else {
      throw document.error(
        at: ["modules"], found: "the key \"modules\"",
        expected: "no such section: the image profile names the modules")
    }
    return settings
  }

  /// Lets the program that reads a file in the image check it.
  static func check(_ file: String, with program: String, _ options: [String] = []) throws {
    let outcome = try Tool(program, ["check", file] + options).attempt()
    guard outcome.status == 0 else { throw SiteCheckError(program: program, outcome) }
  }

  /// Values of the kernel's `console=` parameter (Documentation/admin-guide/serial-console.rst).
  private static func consoles(_ file: String) throws -> [String] {
    guard FileManager.default.fileExists(atPath: file) else { return ["tty0", "ttyS0"] }
    let table = try StrictTable(file: file, known: ["console"])
    let expected = "a list of consoles such as [\"tty0\", \"ttyS0,115200\"]"
    let consoles = try table.strings("console", expected) ?? ["tty0", "ttyS0"]
    for console in consoles
    where console.hasPrefix(",") || !console.utf8.allSatisfy({ $0.isModuleNameByte || $0 == 0x2c }) {
      throw table.error("console", found: TOMLValue.quoted(console), expected: expected)
    }
    guard !consoles.isEmpty else {
      throw table.error("console", found: "an empty list", expected: expected)
    }
    return consoles
  }
}

/// An error that `synbox check` or `synbox-manage check` reported.
struct SiteCheckError: Error, CustomStringConvertible {
  let description: String

  init(program: String, _ outcome: Tool.Outcome) {
    let message = (outcome.errors + outcome.output).trimmingCharacters(in: .whitespacesAndNewlines)
    description = message.isEmpty ? "\(program) check: status \(outcome.status)" : message
  }
}

/// The part of synbox.toml that the builder checks; `synbox check` checks the rest.
private struct ScannerSettings {
  /// The files beside synbox.toml that it names.
  let files: [String]
  private let table: StrictTable

  private static func expect(
    _ key: String, _ value: String, _ reason: String, in table: StrictTable
  ) throws(InputError) {
    guard table[key]?.value.string == value else {
      throw table.error(
        key, found: table[key]?.value.shown ?? "no \(key)", expected: "\"\(value)\", \(reason)")
    }
  }

  /// A box of a fleet sends what the fleet's licence allows.
  func expectLicence() throws(InputError) {
    try Self.expect("licence", "fleet/licence", "which the agent writes", in: table)
  }

  init(file: String, box: BoxSettings) throws {
    let document = try TOMLDocument(
      try Files.read(file), file: file, maximumSize: StrictTable.maximumSize)
    let table = StrictTable(document)
    self.table = table
    try Self.expect("data", "/data", "where init mounts the data partition", in: table)
    try Self.expect(
      "interface", box.interface.name, "the interface name in box.toml", in: table)
    var files: [String] = []
    let scope = try table.section("scope", known: nil)
    for field in [scope?["allow-file"], scope?["deny-file"], table["profile"]] {
      guard let field, field.value.string != "auto" else { continue }
      guard let name = field.value.string, !name.isEmpty, !name.hasPrefix("."), !name.contains("/"),
        !Site.ownNames.contains(name)
      else { throw field.wrong("the name of a file beside synbox.toml") }
      if !files.contains(name) { files.append(name) }
    }
    self.files = files
  }
}
