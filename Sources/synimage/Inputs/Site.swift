// What one box is told: a directory with box.toml, synbox.toml, the lists that it names, and image.toml.
import Foundation
import Init
import Kernel
import NIC
import TOMLKit

/// A site configuration that init and serve will take.
struct Site {
  let name: String
  let directory: String
  let box: BoxSettings
  /// Kernel consoles, the last being where PID 1 writes.
  let consoles: [String]
  /// Files of /etc/synbox by their names there, with their content; without what the builder adds.
  let files: [(name: String, bytes: [UInt8])]

  /// Reads a site, and has the box's own program read it too.
  ///
  /// Throws `ProfileError`, `Refusal` or `Rejected` for what is wrong in the site, `Fault` when it cannot be read.
  init(directory: String, program: String) throws {
    self.directory = directory
    name = URL(filePath: directory).standardizedFileURL.lastPathComponent
    guard let there = try? FileManager.default.contentsOfDirectory(atPath: directory).sorted() else {
      throw Refusal(
        directory, found: "no directory", expected: "a site: box.toml, synbox.toml and its lists")
    }
    box = try Self.box("\(directory)/box.toml")
    let serving = try ServeSettings(file: "\(directory)/synbox.toml", box: box)
    consoles = try Self.consoles("\(directory)/image.toml")
    try Self.check("\(directory)/synbox.toml", with: program)
    let names = ["box.toml", "synbox.toml"] + serving.files
    files = try names.map { ($0, try Files.read("\(directory)/\($0)")) }
    // A list that nobody reads would be taken for one in force.
    for file in there where !names.contains(file) && file != "image.toml" && !file.hasPrefix(".") {
      throw Refusal(
        "\(directory)/\(file)", found: "a file that nothing in the site names",
        expected: "box.toml, synbox.toml, image.toml and what synbox.toml names")
    }
  }

  /// As PID 1 reads it. The modules that are loaded at boot are the profile's to name: the builder adds them.
  private static func box(_ file: String) throws -> BoxSettings {
    let bytes = try Files.read(file)
    let settings = try BoxSettings(bytes, file: file)
    let document = try TOMLDocument(bytes, file: file, maximumSize: BoxSettings.maximumSize)
    guard document.root["modules"] == nil else {
      throw document.error(
        at: ["modules"], found: "the key \"modules\"",
        expected: "none: the image's profile says which there are")
    }
    return settings
  }

  private static func check(_ file: String, with program: String) throws {
    let outcome = try Tool(program, ["check", file]).attempt()
    guard outcome.status == 0 else {
      let said = (outcome.errors + outcome.output).trimmingCharacters(in: .whitespacesAndNewlines)
      throw Rejected(
        description: said.isEmpty ? "\(program) check \(file): status \(outcome.status)" : said)
    }
  }

  /// `console=` takes a driver's name with options (Documentation/admin-guide/serial-console.rst).
  private static func consoles(_ file: String) throws -> [String] {
    guard FileManager.default.fileExists(atPath: file) else { return ["tty0", "ttyS0"] }
    let table = try StrictTable(file: file, known: ["console"])
    let expected = "a list of consoles such as [\"tty0\", \"ttyS0,115200\"]"
    let consoles = try table.words("console", expected) ?? ["tty0", "ttyS0"]
    for console in consoles
    where console.hasPrefix(",") || !console.utf8.allSatisfy({ $0.isModuleNameByte || $0 == 0x2c }) {
      throw table.error("console", found: TOMLDocument.shown(console), expected: expected)
    }
    guard !consoles.isEmpty else {
      throw table.error("console", found: "an empty list", expected: expected)
    }
    return consoles
  }
}

/// What the box's own program finds wrong, in its words.
struct Rejected: Error, CustomStringConvertible {
  let description: String
}

/// What the builder must know of synbox.toml; all the rest is for `synbox check`.
private struct ServeSettings {
  /// Files below /etc/synbox that it names.
  let files: [String]

  init(file: String, box: BoxSettings) throws {
    let document = try TOMLDocument(
      try Files.read(file), file: file, maximumSize: StrictTable.maximumSize)
    let root = document.root
    func expect(_ key: String, _ value: String, _ reason: String) throws {
      let found = root[key]?.tomlValue
      guard let found, found.string == value else {
        throw document.error(
          at: [key], found: found.map { TOMLDocument.shown($0) } ?? "no \(key)",
          expected: "\"\(value)\", \(reason)")
      }
    }
    try expect("data", "/data", "where init mounts the data partition")
    try expect("interface", box.interface.name, "what box.toml calls the interface")
    var files: [String] = []
    for (path, value) in [
      (["scope", "allow-file"], root["scope"]?.tomlValue.table?["allow-file"]?.tomlValue),
      (["scope", "deny-file"], root["scope"]?.tomlValue.table?["deny-file"]?.tomlValue),
      (["profile"], root["profile"]?.tomlValue),
    ] {
      guard let value, value.string != "auto" else { continue }
      guard let name = value.string, !name.isEmpty, !name.hasPrefix("."), !name.contains("/"),
        !["box.toml", "synbox.toml", "image.toml", "os-release"].contains(name)
      else {
        throw document.error(
          at: path, found: TOMLDocument.shown(value),
          expected: "the name of a file beside synbox.toml: the box has no others")
      }
      if !files.contains(name) { files.append(name) }
    }
    self.files = files
  }
}
