// What hardware an image is for: image/profiles/NAME.toml on top of image/base.toml.
import Init
import NIC

/// The drivers of an image, and what is always in it.
struct ImageProfile {
  let name: String
  let file: String
  let architecture: Architecture
  /// NIC drivers, by the name their NIC profile has.
  let drivers: [String]
  /// Packages in which firmware is looked for.
  let firmware: [String]
  /// Loaded at boot whatever hardware there is.
  let always: [String]
  /// Further modules, loaded where the hardware asks for them.
  let available: [String]

  /// Throws `ProfileError` for what is wrong in one of the files, `Fault` when one cannot be read.
  init(name: String, data: ImageData) throws {
    self.name = name
    file = data.profile(name)
    let table = try StrictTable(
      file: file, known: ["architecture", "drivers", "firmware", "always", "available"])
    let machines = Architecture.allCases.map(\.rawValue).joined(separator: " or ")
    let machine = try table.required("architecture", machines)
    guard let architecture = Architecture(rawValue: machine) else {
      throw table.error(
        "architecture", found: TOMLDocument.shown(machine), expected: machines)
    }
    self.architecture = architecture
    let base = try StrictTable(file: data.base, known: ["always", "available"])
    drivers = try table.words("drivers", Self.modules) ?? []
    guard !drivers.isEmpty else { throw table.missing("drivers", "[\"igb\"]") }
    firmware = try table.words("firmware", "a list of packages") ?? []
    always = try Self.merged("always", base, table)
    available = try Self.merged("available", base, table)
    for key in ["drivers", "always", "available"] {
      for name in try table.words(key, Self.modules) ?? [] { try Self.check(name, key, table) }
      for name in try base.words(key, Self.modules) ?? [] { try Self.check(name, key, base) }
    }
  }

  /// Every module that is asked for by name, sorted.
  var modules: [String] { Set(drivers + always + available).sorted() }

  /// `virtio-net` and `virtio_net` are one to the kernel.
  func has(driver: String) -> Bool {
    drivers.contains { ModuleIndex.name(of: $0) == ModuleIndex.name(of: driver) }
  }

  private static let modules = "a list of module names, each once, such as [\"igb\"]"

  private static func merged(_ key: String, _ base: StrictTable, _ table: StrictTable) throws
    -> [String]
  {
    let first = try base.words(key, modules) ?? []
    return first + (try table.words(key, modules) ?? []).filter { !first.contains($0) }
  }

  /// Names become parts of paths.
  private static func check(_ name: String, _ key: String, _ table: StrictTable) throws(ProfileError) {
    guard name.utf8.allSatisfy({ $0.isModuleNameByte }) else {
      throw table.error(key, found: TOMLDocument.shown(name), expected: modules)
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

/// The directory image/, and what lies in it.
struct ImageData {
  let root: String

  var base: String { "\(root)/base.toml" }
  var layout: String { "\(root)/layout.toml" }
  var packages: String { "\(root)/packages.toml" }
  var lock: String { "\(root)/packages.lock" }

  /// A profile by its name, or by its path when that has a slash.
  func profile(_ name: String) -> String {
    name.contains("/") ? name : "\(root)/profiles/\(name).toml"
  }

  func site(_ name: String) -> String { name.contains("/") ? name : "\(root)/sites/\(name)" }
}
