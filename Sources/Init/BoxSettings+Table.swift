// Every key of box.toml: its type, default, check and documentation. docs/reference/configuration.md is generated from
// this table (`make reference`).
import NIC
import Plan
import Settings
import Wire

extension BoxSettings {
  public static let settings = SettingsTable<BoxSettings>([
    Setting(
      "name", \.name, .text(hostNameExpected, hostName), default: .required(hostNameExpected),
      "shown on the console; the host name (RFC 1123, at most 63 bytes)"),
    .section(
      "interface", \.interface, InterfaceSettings.settings,
      default: .required("[interface] with driver, mac or bus, name, address"),
      "the scan NIC; at least one of `driver`, `mac` and `bus`, and exactly one NIC must match all that are "
        + "given"),
    .section(
      "management", \.givenManagement, ManagementSettings.settings, default: "none",
      "the management NIC, in the network namespace of the services, where PID 1 names it `mgmt0`; at least one of "
        + "`driver`, `mac` and `bus`, and exactly one NIC beside the scan NIC must match all that are given"
    ),
    .section(
      "watchdog", \.self,
      SettingsTable([
        Setting(
          "seconds", \.watchdogSeconds, .integer(0...3600),
          "the hardware resets the box after this time without a sign of life; 0 disables it")
      ]), ""),
    .section(
      "modules", \.self,
      SettingsTable([
        Setting(
          "always", \.modules,
          .list("a list of module names such as [\"ext4\", \"vfat\"]") {
            $0.string.flatMap(moduleName)
          }, default: "empty", "kernel modules to load whatever hardware there is")
      ]), ""),
    .section(
      "scanner", \.self,
      SettingsTable([
        Setting(
          "heartbeat-seconds", \.heartbeatSeconds, .integer(5...600),
          "PID 1 kills and restarts a scanner that sent no heartbeat for this time")
      ]), ""),
  ])

  private var givenManagement: ManagementSettings {
    get { management ?? ManagementSettings() }
    set { management = newValue }
  }

  private static let hostNameExpected =
    "a host name such as \"box-1\": letters, digits and hyphens, at most 63"

  /// Returns the text if it is a host name label (RFC 1123, section 2.1).
  @Sendable private static func hostName(_ text: String) -> String? {
    let hyphen = UInt8(ascii: "-")
    let isName =
      1...63 ~= text.utf8.count && text.utf8.first != hyphen && text.utf8.last != hyphen
      && text.utf8.allSatisfy { isAlphanumeric($0) || $0 == hyphen }
    return isName ? text : nil
  }

  /// Returns the text if it is safe as part of a path and of a pattern.
  @Sendable fileprivate static func moduleName(_ text: String) -> String? {
    1...64 ~= text.utf8.count && text.utf8.allSatisfy(isWordByte) ? text : nil
  }

  /// Returns the text if the kernel accepts it (dev_valid_name, net/core/dev.c) and it has no special meaning.
  @Sendable fileprivate static func interfaceName(_ text: String) -> String? {
    let isName =
      1...15 ~= text.utf8.count && !["lo", "all", "default"].contains(text)
      && text.utf8.allSatisfy(isWordByte)
    return isName ? text : nil
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    isAlphanumeric(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
  }

  /// Returns whether the byte is an ASCII letter or digit.
  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }
}

extension NICSelection where Self: SendableMetatype {
  fileprivate static var selection: [Setting<Self>] {
    [
      Setting(
        "driver", \.driver, .text("a driver name such as \"igb\"", BoxSettings.moduleName),
        default: "none", "the driver's name"),
      Setting(
        "mac", \.mac,
        .text("a unicast MAC address such as \"52:54:00:00:00:01\"") { text in
          MACAddress(text).flatMap { $0.isGroup || $0 == .zero ? nil : $0 }
        }, default: "none", "its Ethernet address"),
      Setting(
        "bus", \.bus, .text("a PCI address such as \"0000:00:03.0\"", PCIAddress.checked),
        default: "none", "its PCI address, such as `\"0000:00:03.0\"`"),
    ]
  }

  /// Throws an error unless something selects the NIC.
  fileprivate func requireSelection(_ table: StrictTable) throws(InputError) {
    guard driver == nil, mac == nil, bus == nil else { return }
    throw table.error(
      nil, found: "no key that selects the NIC",
      expected: "driver, mac or bus; all that are given must match")
  }
}

extension InterfaceSettings {
  static let settings = SettingsTable<InterfaceSettings>(
    selection + [
      Setting(
        "name", \.name, .text(nameExpected, BoxSettings.interfaceName),
        default: .required(nameExpected), "its new name, at most 15 bytes; `interface` in `synbox.toml`"
      ),
      Setting(
        "address", \.addresses, addressSyntax, default: .required(addressExpected),
        "its addresses, such as `\"198.18.0.1/24\"`"),
      Setting(
        "gateway", \.gateway, .text(gatewayExpected) { IPv4Address($0) }, default: "none",
        "gateway of the default route, within the network of an address"),
    ], check: check)

  private static let nameExpected = "an interface name such as \"scan0\", at most 15 bytes"
  private static let addressExpected = "an address such as \"198.18.0.1/15\", or a list of them"
  private static let gatewayExpected = "the address of another host in a network of the interface"

  private static let addressSyntax = SettingSyntax<[InterfaceAddress]>("text or list") {
    field throws(InputError) in
    let values = field.value.list ?? [field.value]
    guard !values.isEmpty else { throw field.wrong(addressExpected) }
    var addresses: [InterfaceAddress] = []
    for value in values {
      guard let address = value.string.flatMap({ InterfaceAddress($0) }), isUsable(address) else {
        throw field.value.list == nil
          ? field.wrong(addressExpected) : field.error(at: value, expected: addressExpected)
      }
      if !addresses.contains(address) { addresses.append(address) }
    }
    return addresses
  }

  /// Returns whether a NIC can have the address: not 0.0.0.0/8 (this network), 127.0.0.0/8 (loopback), or multicast and
  /// above (RFC 6890).
  fileprivate static func isUsable(_ address: InterfaceAddress) -> Bool {
    let first = address.address.value >> 24
    return address.prefixLength > 0 && first != 0 && first != 127 && first < 224
  }

  @Sendable private static func check(_ interface: InterfaceSettings, _ table: StrictTable)
    throws(InputError)
  {
    try interface.requireSelection(table)
    guard let gateway = interface.gateway else { return }
    let networks = interface.addresses
    guard networks.contains(where: { $0.contains(gateway) }),
      !networks.contains(where: { $0.address == gateway })
    else {
      throw table.error(
        "gateway", found: TOMLValue.quoted("\(gateway)"), expected: gatewayExpected)
    }
  }
}

extension ManagementSettings {
  static let settings = SettingsTable<ManagementSettings>(
    selection + [
      Setting(
        "address", \.address, addressSyntax, default: .required(addressExpected),
        "its address, such as `\"192.0.2.10/24\"`, or `\"dhcp\"`"),
      Setting(
        "gateway", \.gateway, .text(gatewayExpected) { IPv4Address($0) }, default: "none",
        "with a fixed address: gateway of the default route, within the network of the address"),
      Setting(
        "dns", \.nameServers,
        .list(nameServersExpected) {
          $0.string.flatMap { IPv4Address($0) }.flatMap {
            NetworkConfiguration.isUnicast($0) ? $0 : nil
          }
        }, default: "empty", "with a fixed address: name servers, at most three"),
    ], check: check)

  private static let addressExpected =
    "the address of a host such as \"192.0.2.10/24\", or \"dhcp\""
  private static let gatewayExpected = "the address of another host in the network of the NIC"
  private static let nameServersExpected = "a list of at most three addresses such as [\"192.0.2.53\"]"

  private static let addressSyntax = SettingSyntax<Address>(
    "text", write: { $0 == .dhcp ? "\"dhcp\"" : "" },
    read: { field throws(InputError) in
      let text = try field.text()
      if text == "dhcp" { return .dhcp }
      guard let address = InterfaceAddress(text), NetworkConfiguration(address: address) != nil else {
        throw field.wrong(addressExpected)
      }
      return .fixed(address)
    })

  @Sendable private static func check(_ management: ManagementSettings, _ table: StrictTable)
    throws(InputError)
  {
    try management.requireSelection(table)
    guard management.nameServers.count <= NetworkConfiguration.mostNameServers else {
      throw table.error(
        "dns", found: "\(management.nameServers.count) addresses", expected: nameServersExpected)
    }
    if management.address == .dhcp {
      for (key, isGiven) in [
        ("gateway", management.gateway != nil), ("dns", !management.nameServers.isEmpty),
      ] where isGiven {
        throw table.error(
          key, found: "\(key) beside address = \"dhcp\"", expected: "no \(key): the server gives it")
      }
    } else if let gateway = management.gateway, management.fixed == nil {
      throw table.error(
        "gateway", found: TOMLValue.quoted("\(gateway)"), expected: gatewayExpected)
    }
  }
}
