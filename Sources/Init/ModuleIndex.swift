// depmod's files: which modules there are, what they depend on, and which hardware asks for them
// (modules.dep(5), modules.alias; kmod).
import Kernel
import NIC

/// What stands in /lib/modules/RELEASE.
public struct ModuleIndex: Sendable {
  /// A module's file below the directory, by its name.
  public private(set) var files: [String: String] = [:]
  /// By name: what must be loaded first, the first last, as modules.dep has it.
  private var dependencies: [String: [String]] = [:]
  /// From modules.softdep: before it, after it.
  private var before: [String: [String]] = [:]
  private var after: [String: [String]] = [:]
  private var aliases: [(bus: Substring, pattern: String, module: String)] = []
  /// Modules that are part of the kernel.
  private var builtIn: Set<String> = []
  /// Lines that are none: they are passed over, and said.
  public private(set) var faults: [ProfileError] = []

  /// Octets.
  public static let maximumSize = 16 << 20

  /// Reads the directory of a release. A `Fault` where modules.dep cannot be read; the other files may be
  /// missing.
  public init(directory: String) throws(Fault) {
    func read(_ name: String) throws(Errno) -> [UInt8] {
      try SmallFile.read("\(directory)/\(name)", limit: Self.maximumSize)
    }
    self.init()
    do throws(Errno) {
      addDependencies(try read("modules.dep"), file: "\(directory)/modules.dep")
    } catch {
      throw Fault("cannot read \(directory)/modules.dep", cause: error)
    }
    if let octets = try? read("modules.alias") {
      addAliases(octets, file: "\(directory)/modules.alias")
    }
    if let octets = try? read("modules.softdep") {
      addSoftDependencies(octets, file: "\(directory)/modules.softdep")
    }
    if let octets = try? read("modules.builtin") {
      builtIn = Set(Self.lines(octets).map { Self.name(of: $0.line) })
    }
  }

  public init() {}

  /// `kernel/a/b-c.ko` is the module `b_c`: to the kernel `-` and `_` are the same.
  public static func name(of path: some StringProtocol) -> String {
    let file = String(path).split(separator: "/").last.map(String.init) ?? ""
    let stem: String = file.hasSuffix(".ko") ? String(file.dropLast(3)) : file
    return stem.replacing("-", with: "_")
  }

  public func isBuiltIn(_ name: String) -> Bool { builtIn.contains(Self.name(of: name)) }

  /// The modules that a device with this modalias asks for, in the order of the file.
  public func modules(for modalias: String) -> [String] {
    let bus = modalias.prefix { $0 != ":" }
    return aliases.lazy
      .filter { ($0.bus == bus || $0.bus.contains("*")) && matches(pattern: $0.pattern, modalias) }
      .map(\.module)
  }

  /// All that must be loaded for a module, itself among them, in order; what is missing is left out. nil when
  /// there is no such module here.
  public func loadOrder(of name: String) -> [String]? {
    let name = Self.name(of: name)
    guard files[name] != nil else { return nil }
    var order: [String] = []
    var seen: Set<String> = []
    visit(name, &order, &seen, depth: 0)
    return order
  }

  /// Depth first. What depends on itself, in a file that is wrong, is visited once; no true chain is longer
  /// than a few.
  private func visit(
    _ name: String, _ order: inout [String], _ seen: inout Set<String>, depth: Int
  ) {
    guard files[name] != nil, depth < 64, seen.insert(name).inserted else { return }
    for other in before[name] ?? [] { visit(other, &order, &seen, depth: depth + 1) }
    // modules.dep names the whole closure, the deepest last.
    for other in (dependencies[name] ?? []).reversed() { visit(other, &order, &seen, depth: depth + 1) }
    order.append(name)
    for other in after[name] ?? [] { visit(other, &order, &seen, depth: depth + 1) }
  }
}

// MARK: - Reading the files

extension ModuleIndex {
  /// `PATH: PATH PATH …`, all below the directory.
  public mutating func addDependencies(_ octets: [UInt8], file: String) {
    for (number, line) in Self.lines(octets) {
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      let others = parts.count == 2 ? parts[1].split(separator: " ") : []
      guard parts.count == 2, ([parts[0]] + others).allSatisfy(Self.isModulePath) else {
        note(file, number, line, "PATH.ko: PATH.ko …, each relative and without ..")
        continue
      }
      let name = Self.name(of: parts[0])
      files[name] = String(parts[0])
      dependencies[name] = others.map { Self.name(of: $0) }
    }
  }

  /// `alias PATTERN MODULE`.
  public mutating func addAliases(_ octets: [UInt8], file: String) {
    for (number, line) in Self.lines(octets) {
      let words = line.split(separator: " ")
      guard words.count == 3, words[0] == "alias" else {
        note(file, number, line, "alias PATTERN MODULE")
        continue
      }
      aliases.append(
        (words[1].prefix { $0 != ":" }, String(words[1]), Self.name(of: words[2])))
    }
  }

  /// `softdep MODULE pre: A B post: C`.
  public mutating func addSoftDependencies(_ octets: [UInt8], file: String) {
    for (number, line) in Self.lines(octets) {
      let words = line.split(separator: " ")
      guard words.count >= 2, words[0] == "softdep" else {
        note(file, number, line, "softdep MODULE pre: … post: …")
        continue
      }
      let name = Self.name(of: words[1])
      var isAfter = false
      for word in words.dropFirst(2) {
        switch word {
        case "pre:": isAfter = false
        case "post:": isAfter = true
        default:
          if isAfter {
            after[name, default: []].append(Self.name(of: word))
          } else {
            before[name, default: []].append(Self.name(of: word))
          }
        }
      }
    }
  }

  /// What becomes part of a path must stay below the directory.
  private static func isModulePath(_ path: Substring) -> Bool {
    path.hasSuffix(".ko") && !path.hasSuffix(".ko.ko") && !path.hasPrefix("/") && path.utf8.count < 512
      && !path.split(separator: "/", omittingEmptySubsequences: false).contains {
        $0 == ".." || $0 == "." || $0.isEmpty
      }
      && path.unicodeScalars.allSatisfy(FileName.isVisible)
  }

  private static func lines(_ octets: [UInt8]) -> [(number: Int, line: Substring)] {
    String(decoding: octets, as: UTF8.self)
      .split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
      .enumerated().filter { !$1.isEmpty && !$1.hasPrefix("#") }.map { ($0 + 1, $1) }
  }

  private mutating func note(_ file: String, _ number: Int, _ line: Substring, _ expected: String) {
    guard faults.count < 10 else { return }
    faults.append(
      ProfileError(
        file: file, line: number, column: 1, found: TOMLDocument.shown(String(line)),
        expected: expected))
  }
}
