// PID 1's configuration, /etc/synbox/box.toml.
import Kernel
import NIC
import Plan
import Settings
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
