// PID 1's configuration, /etc/synbox/box.toml.
import Kernel
import NIC
import Plan
import Settings
import Wire

/// What selects a NIC. At least one of the three is set; exactly one NIC must match all that are.
public protocol NICSelection: Sendable {
  /// Its section of box.toml.
  static var section: String { get }
  var driver: String? { get set }
  var mac: MACAddress? { get set }
  /// The PCI address, for example `0000:00:03.0`.
  var bus: String? { get set }
}

/// Which NIC the box scans with, and how to configure it.
public struct InterfaceSettings: NICSelection, Hashable {
  public static let section = "interface"
  public var driver: String?
  public var mac: MACAddress?
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

/// Which NIC the box is managed through, and how to configure it.
public struct ManagementSettings: NICSelection, Hashable {
  public enum Address: Hashable, Sendable {
    case fixed(InterfaceAddress)
    /// From a DHCP server (RFC 2131), with the gateway and the name servers.
    case dhcp
  }

  public static let section = "management"
  /// What PID 1 names the NIC.
  public static let name = "mgmt0"

  public var driver: String?
  public var mac: MACAddress?
  public var bus: String?
  public var address = Address.dhcp
  /// With a fixed address: the gateway of the default route.
  public var gateway: IPv4Address?
  /// With a fixed address.
  public var nameServers: [IPv4Address] = []

  public init() {}

  /// The configuration, if it is fixed.
  public var fixed: NetworkConfiguration? {
    guard case .fixed(let address) = address else { return nil }
    return NetworkConfiguration(address: address, gateway: gateway, nameServers: nameServers)
  }
}

/// The contents of box.toml.
public struct BoxSettings: Hashable, Sendable {
  /// The host name, which is also shown on the console.
  public var name: String
  public var interface: InterfaceSettings
  /// Nil if the box is not managed over a network.
  public var management: ManagementSettings?
  /// The timeout of the hardware watchdog; 0 disables it.
  public var watchdogSeconds = 30
  /// Modules to load on any hardware, with their dependencies.
  public var modules: [String] = []
  /// The time without a heartbeat after which PID 1 restarts the scanner.
  public var heartbeatSeconds = 15

  public static let path = "/etc/synbox/box.toml"
  /// Bytes.
  public static let maximumSize = 65_536

  /// Throws an `InputError` if the file is invalid, a `Fault` if it cannot be read.
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
  public init(_ bytes: [UInt8], file: String) throws(InputError) {
    try self.init(TOMLDocument(bytes, file: file, maximumSize: Self.maximumSize))
  }

  /// Reads a parsed box.toml.
  public init(_ document: TOMLDocument) throws(InputError) {
    self.init()
    try Self.settings.read(StrictTable(document), into: &self)
  }

  /// Creates settings with the defaults. The table of settings requires the keys that have none.
  package init() {
    name = ""
    interface = InterfaceSettings(name: "", addresses: [])
  }
}

/// A PCI address as sysfs formats it: domain, bus, device and function.
enum PCIAddress {
  @Sendable static func checked(_ text: String) -> String? {
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
