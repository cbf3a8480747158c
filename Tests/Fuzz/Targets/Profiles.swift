// NIC profiles.
import NIC
import Plan

extension FuzzTarget {
  /// The result is an error with its place, or a profile with values in range that parses to the same profile when it
  /// is formatted again.
  static let profile = FuzzTarget("profile", maximumLength: 2048) { bytes in
    let profile: InterfaceProfile
    do throws(InputError) {
      profile = try InterfaceProfile(toml: bytes, file: "p.toml")
    } catch {
      return try error.requirePlace(in: bytes)
    }
    if case .exactly(let mtu)? = profile.quantities[.mtu]?.value {
      try require(68...65_535 ~= mtu, "an MTU of \(mtu)")
    }
    let text = try written(profile)
    var again = try InterfaceProfile(toml: Array(text.utf8), file: "p.toml")
    again.source = profile.source
    try require(again == profile, "\(profile) is formatted as\n\(text)\nwhich parses as \(again)")
  }

  private static func written(_ profile: InterfaceProfile) throws -> String {
    var head = ""
    var sections: [String: String] = [:]
    func put(_ section: String?, _ key: String, _ value: String, _ mode: ProfileMode) {
      let line = "\(quoted(key)) = { value = \(value), mode = \"\(mode.rawValue)\" }\n"
      if let section { sections[section, default: ""] += line } else { head += line }
    }
    for (setting, desired) in profile.quantities {
      let (section, key) = try place(of: setting)
      let value =
        switch desired.value {
        case .exactly(let number): "\(number)"
        case .max: "\"max\""
        case .processors: "\"cpus\""
        }
      put(section, key, value, desired.mode)
    }
    for (setting, desired) in profile.flags {
      let (section, key) = try place(of: setting)
      put(section, key, "\(desired.value)", desired.mode)
    }
    if let addresses = profile.addresses {
      let list = addresses.value.map { "\"\($0)\"" }.joined(separator: ", ")
      put(nil, "addresses", "[\(list)]", addresses.mode)
    }
    if let affinity = profile.affinity {
      put("irq", "affinity", "\"\(affinity.value.rawValue)\"", affinity.mode)
    }
    return head + sections.map { "[\($0)]\n\($1)" }.joined()
  }

  private static func place(of setting: NICSetting) throws -> (section: String?, key: String) {
    switch setting {
    case .mtu: (nil, "mtu")
    case .channels(let kind): ("channels", kind.rawValue)
    case .rings(let kind): ("rings", kind.rawValue)
    case .coalescing(let number): ("coalescing", number.rawValue)
    case .coalescingFlag(let flag): ("coalescing", flag.rawValue)
    case .offload(let name): ("offloads", name)
    default: throw FuzzFailure(description: "a profile cannot have \(setting)")
    }
  }
}
