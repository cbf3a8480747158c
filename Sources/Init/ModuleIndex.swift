// The files of depmod(8): the kernel's modules, their dependencies, and their aliases.
import Kernel
import Plan
import Settings
import Support

/// The modules in /lib/modules/RELEASE.
public struct ModuleIndex: Sendable {
  /// The path of each module, relative to the directory, by its name.
  public private(set) var files: [String: String] = [:]
  /// The dependencies of each module, by its name, in the order of modules.dep: the first to load comes last.
  private var dependencies: [String: [String]] = [:]
  /// The `pre:` and `post:` dependencies of modules.softdep.
  private var softPre: [String: [String]] = [:]
  private var softPost: [String: [String]] = [:]
  /// By bus, the part of a modalias before its colon; `*` for patterns that match any bus.
  private var aliases: [String: [(pattern: String, module: String)]] = [:]
  /// Modules compiled into the kernel.
  private var builtIn: Set<String> = []
  /// Invalid lines, which are skipped. Only the first ten are kept.
  public private(set) var faults: [InputError] = []

  /// Bytes.
  public static let maximumSize = 16 << 20

  /// Reads the files in `directory`. Throws a `Fault` if modules.dep cannot be read; the other files are optional.
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
    if let bytes = try? read("modules.alias") {
      addAliases(bytes, file: "\(directory)/modules.alias")
    }
    if let bytes = try? read("modules.softdep") {
      addSoftDependencies(bytes, file: "\(directory)/modules.softdep")
    }
    if let bytes = try? read("modules.builtin") {
      builtIn = Set(Self.lines(bytes).map { Self.name(of: $0.line) })
    }
  }

  public init() {}

  /// Returns the name of the module in a file: `b_c` for `kernel/a/b-c.ko`. The kernel treats `-` and `_` alike.
  public static func name(of path: some StringProtocol) -> String { name(of: Array(path.utf8)[...]) }

  private static func name(of path: ArraySlice<UInt8>) -> String {
    var stem = path.split(separator: UInt8(ascii: "/")).last ?? []
    if stem.count > 3, stem.suffix(3).elementsEqual(".ko".utf8) { stem.removeLast(3) }
    return String(
      decoding: stem.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }, as: UTF8.self)
  }

  public func isBuiltIn(_ name: String) -> Bool { builtIn.contains(Self.name(of: name)) }

  /// Returns the modules whose aliases match a device's modalias, in the order of the file; those for any bus last.
  public func modules(for modalias: String) -> [String] {
    [Self.bus(of: modalias), "*"].flatMap { aliases[$0] ?? [] }
      .filter { matches(pattern: $0.pattern, modalias) }.map(\.module)
  }

  private static func bus(of modalias: some StringProtocol) -> String {
    String(decoding: modalias.utf8.prefix { $0 != UInt8(ascii: ":") }, as: UTF8.self)
  }

  /// Returns a module and its dependencies in the order in which to load them, without those that are missing; nil if
  /// there is no such module.
  public func loadOrder(of name: String) -> [String]? {
    let name = Self.name(of: name)
    guard files[name] != nil else { return nil }
    var order: [String] = []
    var seen: Set<String> = []
    visit(name, &order, &seen, depth: 0)
    return order
  }

  /// Visits depth first, each module once. The limit on the depth protects against invalid files; real chains have a
  /// few modules.
  private func visit(
    _ name: String, _ order: inout [String], _ seen: inout Set<String>, depth: Int
  ) {
    guard files[name] != nil, depth < 64, seen.insert(name).inserted else { return }
    for other in softPre[name] ?? [] { visit(other, &order, &seen, depth: depth + 1) }
    // modules.dep lists the transitive dependencies, the deepest last.
    for other in (dependencies[name] ?? []).reversed() { visit(other, &order, &seen, depth: depth + 1) }
    order.append(name)
    for other in softPost[name] ?? [] { visit(other, &order, &seen, depth: depth + 1) }
  }
}

// MARK: - Reading the files

/// Parses bytes, because comparing Characters is several times slower and the boot waits for it.
extension ModuleIndex {
  /// Adds lines `PATH: PATH PATH …`; the paths are relative to the directory.
  public mutating func addDependencies(_ bytes: [UInt8], file: String) {
    for (number, line) in Self.lines(bytes) {
      let parts = line.split(
        separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
      let others = parts.count == 2 ? Self.words(parts[1]) : []
      guard parts.count == 2, ([parts[0]] + others).allSatisfy(Self.isModulePath) else {
        note(file, number, line, "PATH.ko: PATH.ko …, relative paths without ..")
        continue
      }
      let name = Self.name(of: parts[0])
      files[name] = String(decoding: parts[0], as: UTF8.self)
      dependencies[name] = others.map { Self.name(of: $0) }
    }
  }

  /// Adds lines `alias PATTERN MODULE`.
  public mutating func addAliases(_ bytes: [UInt8], file: String) {
    for (number, line) in Self.lines(bytes) {
      let words = Self.words(line)
      guard words.count == 3, words[0].elementsEqual("alias".utf8) else {
        note(file, number, line, "alias PATTERN MODULE")
        continue
      }
      let pattern = String(decoding: words[1], as: UTF8.self)
      let bus = Self.bus(of: pattern)
      aliases[bus.utf8.contains(UInt8(ascii: "*")) ? "*" : bus, default: []]
        .append((pattern, Self.name(of: words[2])))
    }
  }

  /// Adds lines `softdep MODULE pre: A B post: C`.
  public mutating func addSoftDependencies(_ bytes: [UInt8], file: String) {
    for (number, line) in Self.lines(bytes) {
      let words = Self.words(line)
      guard words.count >= 2, words[0].elementsEqual("softdep".utf8) else {
        note(file, number, line, "softdep MODULE pre: … post: …")
        continue
      }
      let name = Self.name(of: words[1])
      var isPost = false
      for word in words.dropFirst(2) {
        if word.elementsEqual("pre:".utf8) {
          isPost = false
        } else if word.elementsEqual("post:".utf8) {
          isPost = true
        } else if isPost {
          softPost[name, default: []].append(Self.name(of: word))
        } else {
          softPre[name, default: []].append(Self.name(of: word))
        }
      }
    }
  }

  /// Returns whether a path stays inside the directory.
  private static func isModulePath(_ path: ArraySlice<UInt8>) -> Bool {
    guard path.count < 512, path.suffix(3).elementsEqual(".ko".utf8),
      !path.dropLast(3).suffix(3).elementsEqual(".ko".utf8)
    else { return false }
    let parts = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    return parts.allSatisfy {
      !$0.isEmpty && !$0.elementsEqual(".".utf8) && !$0.elementsEqual("..".utf8)
    } && String(decoding: path, as: UTF8.self).unicodeScalars.allSatisfy(Escaping.isVisible)
  }

  /// Returns the lines that are not empty or comments, with their numbers, from 1.
  private static func lines(_ bytes: [UInt8]) -> [(number: Int, line: ArraySlice<UInt8>)] {
    bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
      .map { ($0 + 1, $1.last == UInt8(ascii: "\r") ? $1.dropLast() : $1) }
      .filter { !$1.isEmpty && $1.first != UInt8(ascii: "#") }
  }

  private static func words(_ line: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    line.split(separator: UInt8(ascii: " "))
  }

  private mutating func note(
    _ file: String, _ number: Int, _ line: ArraySlice<UInt8>, _ expected: String
  ) {
    guard faults.count < 10 else { return }
    faults.append(
      InputError(
        file: file, location: .line(number, column: 1),
        found: TOMLValue.quoted(String(decoding: line, as: UTF8.self)), expected: expected))
  }
}
