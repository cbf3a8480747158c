// The kernel's modules as the package has them.
import Foundation
import Kernel

/// What modinfo(8) says of a module.
struct ModuleInfo {
  let name: String
  /// Below lib/modules/RELEASE, as in the package.
  let path: String
  /// Names of the modules whose symbols it uses.
  let depends: [String]
  /// Modules that it would like to have: loaded where they are there.
  let soft: [String]
  /// Files that it asks for, below lib/firmware.
  let firmware: [String]
  let vermagic: String
}

/// A kernel's modules by name, and the names of those that are built in.
struct ModuleTree {
  /// The directory that has `kernel/`.
  let root: String
  let release: String
  private let paths: [String: String]
  private let builtIn: Set<String>

  /// - Parameters:
  ///   - root: the unpacked package's lib/modules/RELEASE.
  ///   - base: the same of the package that has modules.builtin.
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

  /// A module's name is its file's, with underscores (depmod.d(5) writes either).
  static func name(ofFile path: String) -> String? {
    let file = (path as NSString).lastPathComponent
    guard let end = file.range(of: ".ko") else { return nil }
    return canonical(String(file[..<end.lowerBound]))
  }

  static func canonical(_ name: String) -> String { name.replacingOccurrences(of: "-", with: "_") }

  func isBuiltIn(_ name: String) -> Bool { builtIn.contains(Self.canonical(name)) }
  func has(_ name: String) -> Bool { paths[Self.canonical(name)] != nil }

  /// What is known of a module; nil where there is no such module.
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

/// The modules of an image: those that were asked for, and what they cannot do without.
struct ModuleSet {
  /// In the order of their paths.
  let modules: [ModuleInfo]

  /// Throws a `Refusal` for a module that there is not, or that is for another kernel.
  init(of names: [String], from tree: ModuleTree, profile: String) throws {
    var found: [String: ModuleInfo] = [:]
    var open = names.map { (name: $0, wantedBy: profile) }
    while let (name, wantedBy) = open.popLast() {
      if found[ModuleTree.canonical(name)] != nil || tree.isBuiltIn(name) { continue }
      guard let info = try tree.info(name) else {
        throw Refusal(
          wantedBy, found: "the unknown module \(name)", expected: "one that Linux \(tree.release) has")
      }
      guard info.vermagic.prefix(while: { $0 != " " }) == tree.release else {
        throw Refusal(
          "\(tree.root)/\(info.path)", found: "a module for Linux \"\(info.vermagic)\"",
          expected: "one for \(tree.release)")
      }
      found[info.name] = info
      open += info.depends.map { ($0, info.path) }
      open += info.soft.filter { tree.has($0) }.map { ($0, info.path) }
    }
    modules = found.values.sorted { $0.path < $1.path }
  }
}
