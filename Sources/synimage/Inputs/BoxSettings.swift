// box.toml: what PID 1 is told.
import NIC
import TOMLKit
import Wire

/// What `synbox init` reads, held to the same rules before it goes into an image.
struct BoxSettings {
  let name: String
  /// What the scan NIC is renamed to.
  let interface: String
  /// The driver that it is found by, if it is.
  let driver: String?
  let file: String

  /// Throws `ProfileError` for what is wrong in it, `Fault` when it cannot be read.
  init(file: String) throws {
    self.file = file
    let table = try StrictTable(file: file, known: ["name", "interface", "watchdog"])
    name = try table.required("name", "a name for the console such as \"box-1\"")
    guard name.utf8.count <= 64, name.unicodeScalars.allSatisfy({ $0.isASCII && $0.value > 32 }) else {
      throw table.error(
        "name", found: TOMLDocument.shown(name), expected: "at most 64 visible ASCII characters")
    }
    guard
      let nic = try table.section(
        "interface", known: ["driver", "mac", "bus", "name", "address", "gateway"])
    else { throw table.missing("interface", "a section [interface]") }
    driver = try nic.text("driver", "a driver such as \"igb\"")
    try Self.checkPlace(nic)
    interface = try nic.required("name", Self.interfaceName)
    // dev_valid_name (net/core/dev.c): IFNAMSIZ is 16 with its NUL.
    guard interface.utf8.count <= 15, interface != ".", interface != "..",
      interface.utf8.allSatisfy({ $0.isModuleNameOctet || $0 == UInt8(ascii: ".") })
    else {
      throw nic.error(
        "name", found: TOMLDocument.shown(interface), expected: Self.interfaceName)
    }
    try Self.checkAddresses(nic)
    guard let watchdog = try table.section("watchdog", known: ["seconds"]) else {
      throw table.missing("watchdog", "a section [watchdog] with seconds = 30, or 0 for none")
    }
    guard try watchdog.number("seconds", 0...65_535) != nil else {
      throw watchdog.missing("seconds", "30, or 0 for none")
    }
  }

  private static let interfaceName = "an interface's name of at most 15 characters such as \"scan0\""

  /// What the NIC is found by.
  private static func checkPlace(_ nic: StrictTable) throws {
    let mac = try nic.text("mac", "an Ethernet address")
    let bus = try nic.text("bus", "a PCI address")
    if let mac {
      guard let address = MACAddress(mac), !address.isGroup, address != .zero else {
        throw nic.error(
          "mac", found: TOMLDocument.shown(mac),
          expected: "an Ethernet address of one host such as 52:54:00:00:00:01")
      }
    }
    // DOMAIN:BUS:DEVICE.FUNCTION, as sysfs names it.
    if let bus, bus.wholeMatch(of: /[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]/) == nil {
      throw nic.error(
        "bus", found: TOMLDocument.shown(bus), expected: "a PCI address such as 0000:00:03.0")
    }
    guard nic.has("driver") || mac != nil || bus != nil else {
      throw nic.missing("driver", "\"igb\", or mac or bus: what the NIC is found by")
    }
  }

  private static func checkAddresses(_ nic: StrictTable) throws {
    let expected = "an address such as \"198.18.0.1/15\", or a list of them"
    guard let texts = try nic.words("address", expected), !texts.isEmpty else {
      throw nic.missing("address", "\"198.18.0.1/15\"")
    }
    for text in texts where InterfaceAddress(text) == nil {
      throw nic.error("address", found: TOMLDocument.shown(text), expected: expected)
    }
    let gateway = try nic.text("gateway", "an IPv4 address")
    if let gateway, IPv4Address(gateway) == nil {
      throw nic.error(
        "gateway", found: TOMLDocument.shown(gateway), expected: "an IPv4 address such as 198.18.0.254")
    }
  }
}
