// A profile's TOML, read strictly: every key known, every value of its kind and within its limits.
import Kernel
import TOMLKit
import Wire

extension InterfaceProfile {
  /// A profile has a few hundred octets; more than this is no profile.
  public static let maximumSize = 65_536

  /// Reads a profile. `file` names it in errors. Throws `ProfileError`.
  public init(toml text: String, file: String) throws(ProfileError) {
    self.init(source: file)
    // toml++ takes a C string: what stands after a NUL would be passed over in silence.
    guard !text.utf8.contains(0) else {
      throw ProfileError(file: file, line: 1, column: 1, found: "a NUL octet", expected: "TOML text")
    }
    if let fault = TOMLScreen.firstFault(in: text) {
      throw ProfileError(
        file: file, line: fault.line, column: fault.column, found: fault.found,
        expected: fault.expected)
    }
    let root: TOMLTable
    do {
      root = try TOMLTable(string: text)
    } catch let error as TOMLParseError {
      throw ProfileError(
        file: file, line: error.source.begin.line, column: error.source.begin.column,
        found: error.description, expected: "TOML (toml.io, version 1.0)")
    } catch {
      throw ProfileError(file: file, line: 1, column: 1, found: "\(error)", expected: "TOML")
    }
    try ProfileReader(file: file, positions: ProfilePositions(text)).read(root, into: &self)
  }

  /// Reads a profile from octets that nobody has looked at yet. Throws `ProfileError`.
  public init(toml bytes: [UInt8], file: String) throws(ProfileError) {
    guard bytes.count <= Self.maximumSize else {
      throw ProfileError(
        file: file, line: 1, column: 1, found: "more than \(Self.maximumSize) octets",
        expected: "a profile")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      let valid = String(decoding: bytes, as: UTF8.self).prefix { $0 != "\u{fffd}" }
      let line = valid.split(omittingEmptySubsequences: false) { $0.isNewline }
      throw ProfileError(
        file: file, line: line.count, column: (line.last?.count ?? 0) + 1,
        found: "octets that are not UTF-8", expected: "TOML text")
    }
    try self.init(toml: text, file: file)
  }
}

/// A value of the profile, out of its inline table if it had one, and where it stands.
private struct Entry {
  let name: String
  let value: TOMLValue
  let path: [String]
  var mode = ProfileMode.required
}

private struct ProfileReader {
  let file: String
  let positions: ProfilePositions

  static let sections = ["mtu", "addresses", "rings", "channels", "coalescing", "offloads", "irq"]

  func read(_ root: TOMLTable, into profile: inout InterfaceProfile) throws(ProfileError) {
    try requireKnown(root, [], Self.sections)
    if let value = root["mtu"]?.tomlValue {
      let entry = try entry("mtu", value, ["mtu"])
      profile.quantities[.mtu] = try number(entry, 68...65_535, words: [])
    }
    if let value = root["addresses"]?.tomlValue {
      profile.addresses = try addresses(try entry("addresses", value, ["addresses"]))
    }
    for entry in try section(root, "channels", NICSetting.Channel.allCases.map(\.rawValue)) {
      guard let kind = NICSetting.Channel(rawValue: entry.name) else { continue }
      profile.quantities[.channels(kind)] = try number(entry, 0...65_535, words: ["max", "cpus"])
    }
    for entry in try section(root, "rings", NICSetting.Ring.allCases.map(\.rawValue)) {
      guard let kind = NICSetting.Ring(rawValue: entry.name) else { continue }
      profile.quantities[.rings(kind)] = try number(entry, 1...1_048_576, words: ["max"])
    }
    let parameters =
      CoalescingNumber.allCases.map(\.rawValue) + CoalescingFlag.allCases.map(\.rawValue)
    for entry in try section(root, "coalescing", parameters) {
      if let parameter = CoalescingNumber(rawValue: entry.name) {
        profile.quantities[.coalescing(parameter)] = try number(entry, 0...1_000_000, words: [])
      } else if let parameter = CoalescingFlag(rawValue: entry.name) {
        profile.flags[.coalescingFlag(parameter)] = try flag(entry)
      }
    }
    // Which offloads there are is the kernel's business: an unknown one shows when it is applied.
    for entry in try section(root, "offloads", nil) {
      profile.flags[.offload(entry.name)] = try flag(entry)
    }
    for entry in try section(root, "irq", ["affinity"]) {
      profile.affinity = try affinity(entry)
    }
  }

  // MARK: Tables

  /// The entries of a section; `known` nil allows every key.
  private func section(_ root: TOMLTable, _ name: String, _ known: [String]?) throws(ProfileError)
    -> [Entry]
  {
    guard let value = root[name]?.tomlValue else { return [] }
    guard let table = value.table else { throw error([name], shown(value), "a section [\(name)]") }
    if let known { try requireKnown(table, [name], known) }
    var entries: [Entry] = []
    for key in table.keys {
      guard let value = table[key]?.tomlValue else { continue }
      entries.append(try entry(key, value, [name, key]))
    }
    return entries
  }

  /// A plain value, which is required, or `{ value = …, mode = "required" | "wanted" }`.
  private func entry(_ name: String, _ value: TOMLValue, _ path: [String]) throws(ProfileError)
    -> Entry
  {
    guard let table = value.table else { return Entry(name: name, value: value, path: path) }
    try requireKnown(table, path, ["value", "mode"])
    guard let inner = table["value"]?.tomlValue else {
      throw error(path, "a table without a value", "{ value = …, mode = \"wanted\" }")
    }
    var entry = Entry(name: name, value: inner, path: path + ["value"])
    if let word = table["mode"]?.tomlValue {
      guard let mode = word.string.flatMap(ProfileMode.init(rawValue:)) else {
        throw error(path + ["mode"], shown(word), "\"required\" or \"wanted\"")
      }
      entry.mode = mode
    }
    return entry
  }

  private func requireKnown(_ table: TOMLTable, _ path: [String], _ known: [String])
    throws(ProfileError)
  {
    for key in table.keys where !known.contains(key) {
      let shown = shown(TOMLValue(stringLiteral: key))
      throw error(path + [key], "the key \(shown)", "one of \(known.joined(separator: ", "))")
    }
  }

  // MARK: Values

  private func number(_ entry: Entry, _ range: ClosedRange<Int>, words: [String])
    throws(ProfileError) -> Desired<Quantity>
  {
    if let number = entry.value.int, range.contains(number) {
      return Desired(.exactly(UInt32(number)), entry.mode)
    }
    if let word = entry.value.string, words.contains(word) {
      return Desired(word == "max" ? .max : .processors, entry.mode)
    }
    let alternatives = words.map { " or \"\($0)\"" }.joined()
    throw error(
      entry.path, shown(entry.value),
      "a number from \(range.lowerBound) to \(range.upperBound)" + alternatives)
  }

  private func flag(_ entry: Entry) throws(ProfileError) -> Desired<Bool> {
    guard let flag = entry.value.bool else {
      throw error(entry.path, shown(entry.value), "true or false")
    }
    return Desired(flag, entry.mode)
  }

  private func affinity(_ entry: Entry) throws(ProfileError) -> Desired<Affinity> {
    guard let affinity = entry.value.string.flatMap(Affinity.init(rawValue:)) else {
      throw error(entry.path, shown(entry.value), "\"spread\" or \"none\"")
    }
    return Desired(affinity, entry.mode)
  }

  private func addresses(_ entry: Entry) throws(ProfileError) -> Desired<[InterfaceAddress]> {
    let expected = "a list of addresses such as [\"198.18.0.1/24\"]"
    guard let array = entry.value.array else {
      throw error(entry.path, shown(entry.value), expected)
    }
    var addresses: [InterfaceAddress] = []
    for item in array {
      let value = item.tomlValue
      guard let address = value.string.flatMap({ InterfaceAddress($0) }) else {
        throw error(entry.path, shown(value), expected)
      }
      if !addresses.contains(address) { addresses.append(address) }
    }
    return Desired(addresses, entry.mode)
  }

  // MARK: Errors

  private func error(_ path: [String], _ found: String, _ expected: String) -> ProfileError {
    let (line, column) = positions.position(of: path)
    return ProfileError(file: file, line: line, column: column, found: found, expected: expected)
  }

  /// A value as it may stand in a message: short and without control characters.
  private func shown(_ value: TOMLValue) -> String {
    switch value.type {
    case .table: return "a table"
    case .array: return "a list"
    default:
      let text = value.debugDescription.unicodeScalars.map {
        $0.value < 32 || $0.value == 127 ? "?" : String($0)
      }
      return text.count > 60 ? text.prefix(60).joined() + "…" : text.joined()
    }
  }
}
