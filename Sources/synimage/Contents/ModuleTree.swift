// The kernel modules of a package.
import Foundation
import Kernel
import Plan

/// The fields of a module that modinfo(8) prints.
struct ModuleInfo {
  let name: String
  /// Relative to lib/modules/RELEASE.
  let path: String
  /// The modules whose symbols it uses.
  let depends: [String]
  /// Soft dependencies: loaded if they exist.
  let soft: [String]
  /// Firmware files that it requests, relative to lib/firmware.
  let firmware: [String]
  let vermagic: String
}

/// The modules of a kernel by name, and the names of the built-in ones.
struct ModuleTree {
  /// The directory that contains `kernel/`.
  let root: String
  let release: String
  private let paths: [String: String]
  private let builtIn: Set<String>

  /// - Parameters:
  ///   - root: lib/modules/RELEASE of the unpacked package.
  ///   - base: lib/modules/RELEASE of the package with modules.builtin.
  init(root: String, base: String, release: String) throws {
    self.root = root
    self.release = release
    var paths: [String: String] = [:]
    for entry in try FileTree.entries(of: root) where entry.kind == .file {
      guard let name = Self.name(ofFile: entry.path) else { continue }
      paths[name] = entry.path
    }
    self.paths = paths
    let list = String(decoding: try Files.read("\(base)/modules.builtin"), as: UTF8.self)
    builtIn = Set(list.split(separator: "\n").compactMap { Self.name(ofFile: String($0)) })
    guard !paths.isEmpty else { throw Fault("\(root) has no modules") }
  }

  /// Returns the name of the module in a file, with underscores for hyphens; nil if the file is not a module.
  static func name(ofFile path: String) -> String? {
    let file = (path as NSString).lastPathComponent
    guard let end = file.range(of: ".ko") else { return nil }
    return canonical(String(file[..<end.lowerBound]))
  }

  static func canonical(_ name: String) -> String { name.replacingOccurrences(of: "-", with: "_") }

  func isBuiltIn(_ name: String) -> Bool { builtIn.contains(Self.canonical(name)) }
  func has(_ name: String) -> Bool { paths[Self.canonical(name)] != nil }

  /// Returns what modinfo(8) prints of a module; nil if there is no such module.
  func info(_ name: String) throws -> ModuleInfo? {
    let name = Self.canonical(name)
    guard let path = paths[name] else { return nil }
    let text = try Tool("modinfo", ["-0", "\(root)/\(path)"]).run().output
    var fields: [Substring: [String]] = [:]
    for line in text.split(separator: "\0") {
      let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { continue }
      fields[parts[0], default: []].append(parts[1].trimmingCharacters(in: .whitespaces))
    }
    let soft = (fields["softdep"] ?? []).flatMap { $0.split(separator: " ") }
      .filter { $0 != "pre:" && $0 != "post:" }
    return ModuleInfo(
      name: name, path: path,
      depends: (fields["depends"] ?? []).flatMap { $0.split(separator: ",").map(String.init) },
      soft: soft.map(String.init), firmware: fields["firmware"] ?? [],
      vermagic: fields["vermagic"]?.first ?? "")
  }
}

/// The modules of an image: the requested ones and their dependencies.
struct ModuleSet {
  /// Sorted by path.
  let modules: [ModuleInfo]

  /// - Throws: `InputError` if a module does not exist or is for another kernel.
  init(of names: [String], from tree: ModuleTree, profile: String) throws {
    var found: [String: ModuleInfo] = [:]
    var pending = names.map { (name: $0, requiredBy: profile) }
    while let (name, requiredBy) = pending.popLast() {
      if found[ModuleTree.canonical(name)] != nil || tree.isBuiltIn(name) { continue }
      guard let info = try tree.info(name) else {
        throw InputError(
          requiredBy, found: "the unknown module \(name)", expected: "a module of Linux \(tree.release)"
        )
      }
      guard info.vermagic.prefix(while: { $0 != " " }) == tree.release else {
        throw InputError(
          "\(tree.root)/\(info.path)", found: "a module for Linux \"\(info.vermagic)\"",
          expected: "one for \(tree.release)")
      }
      found[info.name] = info
      pending += info.depends.map { ($0, info.path) }
      pending += info.soft.filter { tree.has($0) }.map { ($0, info.path) }
    }
    modules = found.values.sorted { $0.path < $1.path }
  }
}
