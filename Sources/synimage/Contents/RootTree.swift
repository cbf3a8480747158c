// The root file system, which is the initramfs.
import Foundation
import Kernel
import Plan

/// The identity of an image.
struct Identity {
  /// The boot loader prefers the greatest.
  let version: Int
  /// The revision of the source.
  let revision: String
  /// The time stamp of every file in the image, in seconds since 1970.
  let epoch: Int

  /// os-release(5). The boot loader sorts by IMAGE_ID, then by IMAGE_VERSION (Boot Loader Specification).
  var osRelease: String {
    """
    ID=synbox
    NAME=synbox
    IMAGE_ID=synbox
    IMAGE_VERSION=\(version)
    VERSION_ID=\(version)
    BUILD_ID=\(revision)
    PRETTY_NAME="synbox \(version)"

    """
  }
}

/// Assembles the root file system in a directory.
struct RootTree {
  let root: String
  let release: String

  static let directories = [
    "bin", "data", "dev", "esp", "etc/synbox", "proc", "run", "sys", "tmp",
  ]

  init(at root: String, release: String) throws {
    self.root = root
    self.release = release
    for name in Self.directories { try Output.makeDirectory("\(root)/\(name)") }
  }

  func add(program: String) throws {
    try Output.copy(program, to: "\(root)/bin/synbox")
    try FileManager.default.createSymbolicLink(
      atPath: "\(root)/init", withDestinationPath: "bin/synbox")
  }

  func add(service: String, name: String) throws {
    try Output.copy(service, to: "\(root)/bin/\(name)")
  }

  /// Writes /etc/synbox: the files of the site, and the modules of the profile at the end of box.toml.
  func add(_ site: Site, always: [String], identity: Identity) throws {
    for file in site.files {
      var bytes = file.bytes
      if file.name == "box.toml" {
        let names = always.map { "\"\($0)\"" }.joined(separator: ", ")
        bytes += Array(
          "\n# Added by synimage from the image profile.\n[modules]\nalways = [\(names)]\n".utf8)
      }
      try Output.write(bytes, to: "\(root)/etc/synbox/\(file.name)")
    }
    try Output.write(identity.osRelease, to: "\(root)/etc/synbox/os-release")
  }

  func add(_ firmware: Firmware) throws {
    for file in firmware.files { try Output.copy(file.path, to: "\(root)/lib/firmware/\(file.name)") }
  }

  /// Adds the modules, uncompressed, and their depmod indexes.
  ///
  /// - Parameter base: lib/modules/RELEASE of the package with modules.builtin.
  func add(_ set: ModuleSet, from tree: ModuleTree, base: String, architecture: Architecture) throws {
    let home = "\(root)/lib/modules/\(release)"
    for module in set.modules {
      try Output.copy("\(tree.root)/\(module.path)", to: "\(home)/\(module.path)")
    }
    let packed = set.modules.map { "\(home)/\($0.path)" }.filter { $0.hasSuffix(".xz") }
    if !packed.isEmpty { try Tool("xz", ["--decompress", "--"] + packed).run() }
    for entry in try FileTree.entries(of: home) where entry.kind == .file {
      let machine = ELF(try Files.read("\(home)/\(entry.path)"))?.machine
      guard machine == architecture.elfMachine else {
        throw InputError(
          entry.path,
          found: machine.map { "a module for \(Architecture.elfName($0))" }
            ?? "a file that is not a module",
          expected: "a module for \(architecture.rawValue)")
      }
    }
    try index(home, base: base)
  }

  /// The indexes that init reads. Only libkmod reads the others.
  private static let indexes = ["modules.dep", "modules.alias", "modules.softdep", "modules.builtin"]

  private func index(_ home: String, base: String) throws {
    for name in ["modules.builtin", "modules.builtin.modinfo", "modules.order"] {
      try Output.copy("\(base)/\(name)", to: "\(home)/\(name)")
    }
    let outcome = try Tool("depmod", ["--basedir", root, release]).run()
    guard outcome.errors.isEmpty else {
      let messages = outcome.errors.split(separator: "\n").prefix(3)
      throw Fault("depmod rejected the modules", detail: messages.joined(separator: "; "))
    }
    for name in try FileManager.default.contentsOfDirectory(atPath: home)
    where name.hasPrefix("modules.") {
      let path = "\(home)/\(name)"
      let isEmpty = !String(decoding: try Files.read(path), as: UTF8.self)
        .split(separator: "\n").contains { !$0.hasPrefix("#") }
      if !Self.indexes.contains(name) || isEmpty { try FileManager.default.removeItem(atPath: path) }
    }
  }

  /// Sets the mode and the time stamp of every file. Only the programs are executable, and no file is set-user-ID.
  func normalize(epoch: Int) throws {
    let entries = try FileTree.entries(of: root)
    for entry in entries where entry.kind != .link {
      let mode =
        switch entry.path {
        case "tmp": 0o1777
        case let path where path.hasPrefix("bin/"): 0o755
        default: entry.kind == .directory ? 0o755 : 0o644
        }
      try FileManager.default.setAttributes(
        [.posixPermissions: mode], ofItemAtPath: "\(root)/\(entry.path)")
    }
    let paths = [root] + entries.reversed().map { "\(root)/\($0.path)" }
    try Tool("touch", ["--no-dereference", "--date=@\(epoch)", "--"] + paths).run()
  }
}
