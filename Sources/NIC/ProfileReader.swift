// Parses profiles. Unknown keys, and values of the wrong type or out of range, are errors.
import Kernel
import TOMLKit
import Wire

extension InterfaceProfile {
  /// Bytes.
  public static let maximumSize = 65_536

  /// Parses a profile.
  ///
  /// - Parameter file: The file's name in errors.
  public init(toml text: String, file: String) throws(ProfileError) {
    self.init(source: file)
    try ProfileReader(document: try TOMLDocument(text, file: file)).read(into: &self)
  }

  /// Parses a profile from untrusted bytes.
  ///
  /// - Parameter file: The file's name in errors.
  public init(toml bytes: [UInt8], file: String) throws(ProfileError) {
    self.init(source: file)
    let document = try TOMLDocument(bytes, file: file, maximumSize: Self.maximumSize)
    try ProfileReader(document: document).read(into: &self)
  }
}

/// A value, taken out of its inline table if it is in one, with its key path.
private struct Entry {
  let name: String
  let value: TOMLValue
  let path: [String]
  var mode = ProfileMode.required
}

private struct ProfileReader {
  let document: TOMLDocument

  static let sections = ["mtu", "addresses", "rings", "channels", "coalescing", "offloads", "irq"]

  func read(into profile: inout InterfaceProfile) throws(ProfileError) {
    let root = document.root
    try document.requireKnown(root, [], Self.sections)
    if let value = root["mtu"]?.tomlValue {
      let entry = try entry("mtu", value, ["mtu"])
      profile.quantities[.mtu] = try number(entry, 68...65_535, keywords: [])
    }
    if let value = root["addresses"]?.tomlValue {
      profile.addresses = try addresses(try entry("addresses", value, ["addresses"]))
    }
    for entry in try section(root, "channels", NICSetting.Channel.allCases.map(\.rawValue)) {
      guard let kind = NICSetting.Channel(rawValue: entry.name) else { continue }
      profile.quantities[.channels(kind)] = try number(entry, 0...65_535, keywords: ["max", "cpus"])
    }
    for entry in try section(root, "rings", NICSetting.Ring.allCases.map(\.rawValue)) {
      guard let kind = NICSetting.Ring(rawValue: entry.name) else { continue }
      profile.quantities[.rings(kind)] = try number(entry, 1...1_048_576, keywords: ["max"])
    }
    let parameters =
      CoalescingNumber.allCases.map(\.rawValue) + CoalescingFlag.allCases.map(\.rawValue)
    for entry in try section(root, "coalescing", parameters) {
      if let parameter = CoalescingNumber(rawValue: entry.name) {
        profile.quantities[.coalescing(parameter)] = try number(entry, 0...1_000_000, keywords: [])
      } else if let parameter = CoalescingFlag(rawValue: entry.name) {
        profile.flags[.coalescingFlag(parameter)] = try flag(entry)
      }
    }
    // Feature names depend on the kernel: an unknown one is reported when the profile is applied.
    for entry in try section(root, "offloads", nil) {
      profile.flags[.offload(entry.name)] = try flag(entry)
    }
    for entry in try section(root, "irq", ["affinity"]) {
      profile.affinity = try affinity(entry)
    }
  }

  // MARK: Tables

  /// Returns the entries of a section. `known` lists its allowed keys; nil allows every key.
  private func section(_ root: TOMLTable, _ name: String, _ known: [String]?) throws(ProfileError)
    -> [Entry]
  {
    guard let value = root[name]?.tomlValue else { return [] }
    guard let table = value.table else { throw error([name], shown(value), "a section [\(name)]") }
    if let known { try document.requireKnown(table, [name], known) }
    var entries: [Entry] = []
    for key in table.keys {
      guard let value = table[key]?.tomlValue else { continue }
      entries.append(try entry(key, value, [name, key]))
    }
    return entries
  }

  /// Parses a plain value, which is required, or `{ value = …, mode = "required" | "wanted" }`.
  private func entry(_ name: String, _ value: TOMLValue, _ path: [String]) throws(ProfileError)
    -> Entry
  {
    guard let table = value.table else { return Entry(name: name, value: value, path: path) }
    try document.requireKnown(table, path, ["value", "mode"])
    guard let inner = table["value"]?.tomlValue else {
      throw error(path, "a table without a value", "{ value = …, mode = \"wanted\" }")
    }
    var entry = Entry(name: name, value: inner, path: path + ["value"])
    if let value = table["mode"]?.tomlValue {
      guard let mode = value.string.flatMap(ProfileMode.init(rawValue:)) else {
        throw error(path + ["mode"], shown(value), "\"required\" or \"wanted\"")
      }
      entry.mode = mode
    }
    return entry
  }

  // MARK: Values

  private func number(_ entry: Entry, _ range: ClosedRange<Int>, keywords: [String])
    throws(ProfileError) -> Desired<Quantity>
  {
    if let number = entry.value.int, range.contains(number) {
      return Desired(.exactly(UInt32(number)), entry.mode)
    }
    if let keyword = entry.value.string, keywords.contains(keyword) {
      return Desired(keyword == "max" ? .max : .processors, entry.mode)
    }
    let alternatives = keywords.map { " or \"\($0)\"" }.joined()
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
    document.error(at: path, found: found, expected: expected)
  }

  private func shown(_ value: TOMLValue) -> String { TOMLDocument.shown(value) }
}
