// Every key of a NIC profile. Unknown keys, and values of the wrong type or out of range, are errors.
// docs/reference/configuration.md is generated from this table (`make reference`).
import Plan
import Settings
import Wire

extension InterfaceProfile {
  /// Bytes.
  public static let maximumSize = 65_536

  /// Parses a profile.
  ///
  /// - Parameter file: The file's name in errors.
  public init(toml text: String, file: String) throws(InputError) {
    try self.init(TOMLDocument(text, file: file))
  }

  /// Parses a profile from untrusted bytes.
  ///
  /// - Parameter file: The file's name in errors.
  public init(toml bytes: [UInt8], file: String) throws(InputError) {
    try self.init(TOMLDocument(bytes, file: file, maximumSize: Self.maximumSize))
  }

  private init(_ document: TOMLDocument) throws(InputError) {
    self.init(source: document.file)
    try Self.settings.read(StrictTable(document), into: &self)
  }

  public static let settings = SettingsTable<InterfaceProfile>([
    Setting(
      "mtu", \.quantities[.mtu], .desired(.quantity(68...65_535, keywords: [])), default: "",
      "68 to 65535"),
    Setting(
      "addresses", \.addresses, .desired(addressList), default: "",
      "list of addresses with prefix length"),
    .section(
      "rings", \.self,
      SettingsTable(
        NICSetting.Ring.allCases.map { quantity(.rings($0), $0.rawValue, 1...1_048_576, ["max"]) }),
      "`rx`, `tx`: a number of descriptors, or `\"max\"`"),
    .section(
      "channels", \.self,
      SettingsTable(
        NICSetting.Channel.allCases.map {
          quantity(.channels($0), $0.rawValue, 0...65_535, ["max", "cpus"])
        }),
      "`combined`, `rx`, `tx`: a number, `\"max\"` (what the driver allows) or `\"cpus\"` (one per processor)"
    ),
    .section(
      "coalescing", \.self,
      SettingsTable(
        CoalescingNumber.allCases.map { quantity(.coalescing($0), $0.rawValue, 0...1_000_000, []) }
          + CoalescingFlag.allCases.map { flag(.coalescingFlag($0), $0.rawValue) }),
      "`rx-usecs` and ethtool's other names"),
    // Feature names depend on the kernel: an unknown one is reported when the profile is applied.
    .section(
      "offloads", \.self, SettingsTable([], other: { flag(.offload($0), $0) }),
      "ethtool's names, such as `rx-gro`: `true` or `false`"),
    .section(
      "irq", \.self,
      SettingsTable([Setting("affinity", \.affinity, .desired(affinityWord), default: "", "")]),
      "`affinity`: `\"spread\"` (one processor per NIC queue) or `\"none\"`"),
  ])

  private static func quantity(
    _ setting: NICSetting, _ key: String, _ range: ClosedRange<Int>, _ keywords: [String]
  ) -> Setting<InterfaceProfile> {
    Setting(
      key, \.quantities[setting], .desired(.quantity(range, keywords: keywords)), default: "", "")
  }

  private static func flag(_ setting: NICSetting, _ key: String) -> Setting<InterfaceProfile> {
    Setting(key, \.flags[setting], .desired(trueOrFalse), default: "", "")
  }
}

// MARK: Types of values

extension SettingSyntax {
  /// A plain value, which is required, or `{ value = …, mode = "required" | "wanted" }`.
  fileprivate static func desired<Inner>(_ syntax: SettingSyntax<Inner>) -> Self
  where Value == Desired<Inner> {
    Self(syntax.type) { field throws(InputError) in
      guard field.value.table != nil else { return Desired(try syntax.read(field)) }
      let table = try field.section()
      try table.requireKnown(["value", "mode"])
      guard let value = table["value"] else {
        throw field.error(
          found: "a table without a value", expected: "{ value = …, mode = \"wanted\" }")
      }
      var desired = Desired(try syntax.read(value))
      if let mode = table["mode"] {
        guard let known = mode.value.string.flatMap(ProfileMode.init(rawValue:)) else {
          throw mode.wrong("\"required\" or \"wanted\"")
        }
        desired.mode = known
      }
      return desired
    }
  }
}

extension SettingSyntax<Quantity> {
  fileprivate static func quantity(_ range: ClosedRange<Int>, keywords: [String]) -> Self {
    Self("\(range.lowerBound) to \(range.upperBound)") { field throws(InputError) in
      if let number = field.value.integer, range.contains(number) { return .exactly(UInt32(number)) }
      if let keyword = field.value.string, keywords.contains(keyword) {
        return keyword == "max" ? .max : .processors
      }
      throw field.wrong(
        "a number from \(range.lowerBound) to \(range.upperBound)"
          + keywords.map { " or \"\($0)\"" }.joined())
    }
  }
}

private let trueOrFalse = SettingSyntax<Bool>("`true` or `false`") { field throws(InputError) in
  guard let flag = field.value.boolean else { throw field.wrong("true or false") }
  return flag
}

private let affinityWord = SettingSyntax<Affinity>.text("\"spread\" or \"none\"") {
  Affinity(rawValue: $0)
}

private let addressList = SettingSyntax<[InterfaceAddress]>(
  "list"
) { field throws(InputError) in
  let list = SettingSyntax.list("a list of addresses such as [\"198.18.0.1/24\"]") {
    $0.string.flatMap { InterfaceAddress($0) }
  }
  var addresses: [InterfaceAddress] = []
  for address in try list.read(field) where !addresses.contains(address) { addresses.append(address) }
  return addresses
}
