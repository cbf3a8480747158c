// Link state and counters from sysfs. Unlike rtnetlink(7), reading them does not take the RTNL lock, which can be held
// for seconds while interfaces are created and removed.
import Kernel

/// Counters of an interface since its creation (`struct rtnl_link_stats64`, linux/if_link.h).
public struct InterfaceCounters: Hashable, Sendable {
  public var rxPackets: UInt64 = 0
  public var txPackets: UInt64 = 0
  public var rxErrors: UInt64 = 0
  public var txErrors: UInt64 = 0
  /// Packets that the kernel had no room or no use for.
  public var rxDropped: UInt64 = 0
  public var txDropped: UInt64 = 0
  /// Packets that the NIC had no descriptor for, because the host was too slow.
  public var rxMissed: UInt64 = 0

  public init() {}

  /// The names in /sys/class/net/NAME/statistics/.
  static let files: [(name: String, path: any WritableKeyPath<InterfaceCounters, UInt64> & Sendable)] =
    [
      ("rx_packets", \.rxPackets), ("tx_packets", \.txPackets), ("rx_errors", \.rxErrors),
      ("tx_errors", \.txErrors), ("rx_dropped", \.rxDropped), ("tx_dropped", \.txDropped),
      ("rx_missed_errors", \.rxMissed),
    ]

  /// Returns the difference to earlier counters; 0 for a counter that the driver has reset.
  public func since(_ earlier: InterfaceCounters) -> InterfaceCounters {
    var counters = InterfaceCounters()
    for (_, path) in Self.files {
      counters[keyPath: path] = self[keyPath: path] - min(self[keyPath: path], earlier[keyPath: path])
    }
    return counters
  }
}

/// The current state of a link. Works after the drop if the confinement allows reading `directory(of:)`.
public struct LinkStatus: Hashable, Sendable {
  /// `IFF_UP`, the administrative state.
  public let isUp: Bool
  /// The operational state (RFC 2863) is up or unknown.
  public let hasCarrier: Bool
  /// Bytes.
  public let mtu: UInt32
  public private(set) var counters = InterfaceCounters()

  public static func directory(of name: String) -> String { "/sys/class/net/\(name)" }

  /// Returns the speed of a link in bits per second; nil while the driver reports none (`speed` of
  /// Documentation/ABI/testing/sysfs-class-net, in Mbit/s).
  public static func speed(of name: String) -> UInt64? {
    guard let bytes = try? SmallFile.read("\(directory(of: name))/speed", limit: 32),
      // -1 is unknown, as is UINT_MAX.
      let megabits = UInt64(String(decoding: bytes, as: UTF8.self).prefix { $0 != "\n" }),
      1..<UInt64(UInt32.max) ~= megabits
    else { return nil }
    return megabits * 1_000_000
  }

  /// Throws a `Fault` if there is no such interface.
  public init(of name: String) throws(Fault) {
    func text(_ file: String) throws(Fault) -> String {
      do throws(Errno) {
        let bytes = try SmallFile.read("\(Self.directory(of: name))/\(file)", limit: 256)
        return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
      } catch {
        throw Fault(
          "cannot read the state of \(name)", cause: error,
          remedy: "Check that the interface exists")
      }
    }
    // `0x1003`; bit 0 is IFF_UP.
    isUp = (UInt32(try text("flags").dropFirst(2), radix: 16) ?? 0) & 1 == 1
    hasCarrier = ["up", "unknown"].contains(try text("operstate"))
    mtu = UInt32(try text("mtu")) ?? 0
    for (file, path) in InterfaceCounters.files {
      counters[keyPath: path] = UInt64(try text("statistics/\(file)")) ?? 0
    }
  }
}
