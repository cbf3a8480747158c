// PID 1's configuration, /etc/synbox/box.toml.
import Kernel
import NIC
import TOMLKit
import Wire

/// Which NIC the box scans with, and how to configure it.
public struct InterfaceSettings: Hashable, Sendable {
  /// `driver`, `mac` and `bus` select the NIC. At least one is set; exactly one NIC must match all that are.
  public var driver: String?
  public var mac: MACAddress?
  /// The PCI address, for example `0000:00:03.0`.
  public var bus: String?
  /// The new name of the interface; `interface` in synbox.toml refers to it.
  public var name: String
  /// At least one.
  public var addresses: [InterfaceAddress]
  /// The gateway of the default route.
  public var gateway: IPv4Address?

  public init(
    driver: String? = nil, mac: MACAddress? = nil, bus: String? = nil, name: String,
    addresses: [InterfaceAddress], gateway: IPv4Address? = nil
  ) {
    self.driver = driver
    self.mac = mac
    self.bus = bus
    self.name = name
    self.addresses = addresses
    self.gateway = gateway
  }
}

/// The contents of box.toml.
public struct BoxSettings: Hashable, Sendable {
  /// The host name, which is also shown on the console.
  public var name: String
  public var interface: InterfaceSettings
  /// The timeout of the hardware watchdog; 0 disables it.
  public var watchdogSeconds = 30
  /// Modules to load on any hardware, with their dependencies.
  public var modules: [String] = []
  /// The time without a heartbeat after which PID 1 restarts the scanner.
  public var heartbeatSeconds = 15

  public static let path = "/etc/synbox/box.toml"
  /// Bytes.
  public static let maximumSize = 65_536

  /// Throws a `ProfileError` if the file is invalid, a `Fault` if it cannot be read.
  public init(path: String) throws {
    let bytes: [UInt8]
    do throws(Errno) {
      bytes = try SmallFile.read(path, limit: Self.maximumSize)
    } catch {
      throw Fault("cannot read PID 1's configuration \(path)", cause: error)
    }
    try self.init(bytes, file: path)
  }

  /// Parses untrusted bytes. `file` is their name in errors.
  public init(_ bytes: [UInt8], file: String) throws(ProfileError) {
    try self.init(TOMLDocument(bytes, file: file, maximumSize: Self.maximumSize))
  }

  /// Reads a parsed box.toml.
  public init(_ document: TOMLDocument) throws(ProfileError) {
    let reader = BoxSettingsReader(document: document)
    try document.requireKnown(
      document.root, [], ["name", "interface", "watchdog", "modules", "scanner"])
    name = try reader.required(
      ["name"], "a host name such as \"box-1\": letters, digits and hyphens, at most 63",
      Self.hostName)
    interface = try reader.interface()
    watchdogSeconds =
      try reader.number(["watchdog", "seconds"], 0...3600, known: ["seconds"]) ?? watchdogSeconds
    modules = try reader.modules()
    heartbeatSeconds =
      try reader.number(["scanner", "heartbeat-seconds"], 5...600, known: ["heartbeat-seconds"])
      ?? heartbeatSeconds
  }

  /// Returns the text if it is a host name label (RFC 1123, section 2.1).
  private static func hostName(_ text: String) -> String? {
    let bytes = Array(text.utf8)
    guard 1...63 ~= bytes.count, bytes.first != UInt8(ascii: "-"), bytes.last != UInt8(ascii: "-"),
      bytes.allSatisfy({ isAlphanumeric($0) || $0 == UInt8(ascii: "-") })
    else { return nil }
    return text
  }

  /// Returns whether the byte is an ASCII letter or digit.
  fileprivate static func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }
}

private struct BoxSettingsReader {
  let document: TOMLDocument

  func interface() throws(ProfileError) -> InterfaceSettings {
    let keys = ["driver", "mac", "bus", "name", "address", "gateway"]
    let section = try table("interface", known: keys)
    guard section != nil else {
      throw error(["interface"], "no interface", "[interface] with driver, mac or bus, name, address")
    }
    var interface = InterfaceSettings(
      driver: try value(["interface", "driver"], "a driver name such as \"igb\"", Self.moduleName),
      mac: try value(
        ["interface", "mac"], "a unicast MAC address such as \"52:54:00:00:00:01\""
      ) {
        MACAddress($0).flatMap { $0.isGroup || $0 == .zero ? nil : $0 }
      },
      bus: try value(
        ["interface", "bus"], "a PCI address such as \"0000:00:03.0\"", PCIAddress.checked),
      name: try required(
        ["interface", "name"], "an interface name such as \"scan0\", at most 15 bytes",
        Self.interfaceName),
      addresses: try addresses())
    guard interface.driver != nil || interface.mac != nil || interface.bus != nil else {
      throw error(
        ["interface"], "no key that selects the NIC",
        "driver, mac or bus; all that are given must match")
    }
    let networks = interface.addresses
    interface.gateway = try value(
      ["interface", "gateway"], "the address of another host in a network of the interface"
    ) { text in
      guard let gateway = IPv4Address(text), networks.contains(where: { $0.contains(gateway) }),
        !networks.contains(where: { $0.address == gateway })
      else { return nil }
      return gateway
    }
    return interface
  }

  private func addresses() throws(ProfileError) -> [InterfaceAddress] {
    let path = ["interface", "address"]
    let expected = "an address such as \"198.18.0.1/15\", or a list of them"
    guard let value = try table("interface", known: nil)?["address"]?.tomlValue else {
      throw error(path, "no address", expected)
    }
    let texts = value.array.map { $0.map(\.tomlValue) } ?? [value]
    guard !texts.isEmpty else { throw error(path, "an empty list", expected) }
    var addresses: [InterfaceAddress] = []
    for text in texts {
      guard let address = text.string.flatMap({ InterfaceAddress($0) }), address.prefixLength > 0,
        // Not 0.0.0.0/8 (this network), 127.0.0.0/8 (loopback), or multicast and above (RFC 6890).
        ![0, 127].contains(address.address.value >> 24), address.address.value >> 24 < 224
      else { throw error(path, TOMLDocument.shown(text), expected) }
      if !addresses.contains(address) { addresses.append(address) }
    }
    return addresses
  }

  func modules() throws(ProfileError) -> [String] {
    let path = ["modules", "always"]
    guard let value = try table("modules", known: ["always"])?["always"]?.tomlValue else { return [] }
    let expected = "a list of module names such as [\"ext4\", \"vfat\"]"
    guard let array = value.array else { throw error(path, TOMLDocument.shown(value), expected) }
    var names: [String] = []
    for item in array.map(\.tomlValue) {
      guard let name = item.string.flatMap(Self.moduleName) else {
        throw error(path, TOMLDocument.shown(item), expected)
      }
      names.append(name)
    }
    return names
  }

  // MARK: Values

  /// Returns the text if it is safe as part of a path and of a pattern.
  private static func moduleName(_ text: String) -> String? {
    let isName =
      1...64 ~= text.utf8.count
      && text.utf8.allSatisfy {
        BoxSettings.isAlphanumeric($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
      }
    return isName ? text : nil
  }

  /// Returns the text if the kernel accepts it (dev_valid_name, net/core/dev.c) and it has no special meaning.
  private static func interfaceName(_ text: String) -> String? {
    let isName =
      1...15 ~= text.utf8.count && !["lo", "all", "default"].contains(text)
      && text.utf8.allSatisfy {
        BoxSettings.isAlphanumeric($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
      }
    return isName ? text : nil
  }

  func required<Value>(_ path: [String], _ expected: String, _ parse: (String) -> Value?)
    throws(ProfileError) -> Value
  {
    guard let value = try value(path, expected, parse) else {
      throw error(path, "no \(path.last ?? "")", expected)
    }
    return value
  }

  func value<Value>(_ path: [String], _ expected: String, _ parse: (String) -> Value?)
    throws(ProfileError) -> Value?
  {
    guard let found = try self.found(path) else { return nil }
    guard let value = found.string.flatMap(parse) else {
      throw error(path, TOMLDocument.shown(found), expected)
    }
    return value
  }

  func number(_ path: [String], _ range: ClosedRange<Int>, known: [String]) throws(ProfileError) -> Int?
  {
    _ = try table(path[0], known: known)
    guard let found = try self.found(path) else { return nil }
    guard let number = found.int, range.contains(number) else {
      throw error(
        path, TOMLDocument.shown(found), "a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  private func found(_ path: [String]) throws(ProfileError) -> TOMLValue? {
    if path.count == 1 { return document.root[path[0]]?.tomlValue }
    return try table(path[0], known: nil)?[path[1]]?.tomlValue
  }

  /// Returns a section; nil if it is missing. `known` lists its allowed keys; nil skips that check.
  private func table(_ name: String, known: [String]?) throws(ProfileError) -> TOMLTable? {
    guard let value = document.root[name]?.tomlValue else { return nil }
    guard let table = value.table else {
      throw error([name], TOMLDocument.shown(value), "a section [\(name)]")
    }
    if let known { try document.requireKnown(table, [name], known) }
    return table
  }

  private func error(_ path: [String], _ found: String, _ expected: String) -> ProfileError {
    document.error(at: path, found: found, expected: expected)
  }
}

/// A PCI address as sysfs formats it: domain, bus, device and function.
enum PCIAddress {
  static func checked(_ text: String) -> String? {
    let bytes = Array(text.utf8)
    let shape = Array("xxxx:xx:xx.x".utf8)
    guard bytes.count == shape.count else { return nil }
    for (byte, kind) in zip(bytes, shape) {
      switch kind {
      case UInt8(ascii: "x"):
        let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        guard isDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte) else { return nil }
      default: guard byte == kind else { return nil }
      }
    }
    return text
  }
}
