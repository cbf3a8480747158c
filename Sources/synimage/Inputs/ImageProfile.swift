// Image profiles: image/profiles/NAME.toml on top of image/base.toml.
import Init
import Plan
import Settings

/// The drivers, modules and firmware of an image.
struct ImageProfile {
  let name: String
  let file: String
  let architecture: Architecture
  /// NIC drivers, by the names of their NIC profiles.
  let drivers: [String]
  /// The packages to search for firmware.
  let firmware: [String]
  /// Modules that every box loads at boot.
  let always: [String]
  /// Modules that a box loads if its hardware needs them.
  let available: [String]

  /// - Throws: `InputError` for invalid contents, a `Fault` if a file cannot be read.
  init(name: String, data: ImageData) throws {
    self.name = name
    file = data.profile(name)
    let table = try StrictTable(
      file: file, known: ["architecture", "drivers", "firmware", "always", "available"])
    let machines = Architecture.allCases.map(\.rawValue).joined(separator: " or ")
    let machine = try table.required("architecture", machines)
    guard let architecture = Architecture(rawValue: machine) else {
      throw table.error(
        "architecture", found: TOMLValue.quoted(machine), expected: machines)
    }
    self.architecture = architecture
    let base = try StrictTable(file: data.base, known: ["always", "available"])
    drivers = try table.strings("drivers", Self.modulesExpected) ?? []
    guard !drivers.isEmpty else { throw table.missing("drivers", "[\"igb\"]") }
    firmware = try table.strings("firmware", "a list of packages") ?? []
    always = try Self.merged("always", base, table)
    available = try Self.merged("available", base, table)
    for key in ["drivers", "always", "available"] {
      for name in try table.strings(key, Self.modulesExpected) ?? [] {
        try Self.check(name, key, table)
      }
      for name in try base.strings(key, Self.modulesExpected) ?? [] { try Self.check(name, key, base) }
    }
  }

  /// Every module that the profile names, sorted.
  var modules: [String] { Set(drivers + always + available).sorted() }

  /// Returns whether the profile has a driver. The kernel treats `virtio-net` and `virtio_net` as one name.
  func has(driver: String) -> Bool {
    drivers.contains { ModuleIndex.name(of: $0) == ModuleIndex.name(of: driver) }
  }

  private static let modulesExpected = "a list of module names, each once, such as [\"igb\"]"

  private static func merged(_ key: String, _ base: StrictTable, _ table: StrictTable) throws
    -> [String]
  {
    let first = try base.strings(key, modulesExpected) ?? []
    return first + (try table.strings(key, modulesExpected) ?? []).filter { !first.contains($0) }
  }

  /// Module names become parts of paths.
  private static func check(_ name: String, _ key: String, _ table: StrictTable) throws(InputError) {
    guard name.utf8.allSatisfy({ $0.isModuleNameByte }) else {
      throw table.error(key, found: TOMLValue.quoted(name), expected: modulesExpected)
    }
  }
}

extension UInt8 {
  var isModuleNameByte: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}

/// The directory image/ and the paths of its files.
struct ImageData {
  let root: String

  var base: String { "\(root)/base.toml" }
  var layout: String { "\(root)/layout.toml" }
  var packages: String { "\(root)/packages.toml" }
  var lock: String { "\(root)/packages.lock" }

  /// The path of a profile. `name` is a path if it has a slash.
  func profile(_ name: String) -> String {
    name.contains("/") ? name : "\(root)/profiles/\(name).toml"
  }

  func site(_ name: String) -> String { name.contains("/") ? name : "\(root)/sites/\(name)" }
}
