// An interface at a glance, from sysfs: no lock is taken for it that a busy kernel could hold for seconds, as the
// one of rtnetlink(7) is while interfaces come and go.
import Kernel

/// What an interface has counted (`struct rtnl_link_stats64`, linux/if_link.h) since it was made.
public struct InterfaceCounters: Hashable, Sendable {
  public var rxPackets: UInt64 = 0
  public var txPackets: UInt64 = 0
  public var rxErrors: UInt64 = 0
  public var txErrors: UInt64 = 0
  /// The kernel had no room or no use for them.
  public var rxDropped: UInt64 = 0
  public var txDropped: UInt64 = 0
  /// The NIC had no descriptor for them: the host was too slow.
  public var rxMissed: UInt64 = 0

  public init() {}

  /// By their names in /sys/class/net/NAME/statistics/.
  static let files: [(name: String, path: any WritableKeyPath<InterfaceCounters, UInt64> & Sendable)] =
    [
      ("rx_packets", \.rxPackets), ("tx_packets", \.txPackets), ("rx_errors", \.rxErrors),
      ("tx_errors", \.txErrors), ("rx_dropped", \.rxDropped), ("tx_dropped", \.txDropped),
      ("rx_missed_errors", \.rxMissed),
    ]

  /// What was counted since an earlier look; 0 where a driver began anew.
  public func since(_ earlier: InterfaceCounters) -> InterfaceCounters {
    var counters = InterfaceCounters()
    for (_, path) in Self.files {
      counters[keyPath: path] = self[keyPath: path] - min(self[keyPath: path], earlier[keyPath: path])
    }
    return counters
  }
}

/// An interface as it is now. After the drop it can be looked at where `directory` may be read.
public struct LinkStatus: Hashable, Sendable {
  /// `IFF_UP`: an administrator's wish.
  public let isUp: Bool
  /// RFC 2863 ifOperStatus is up, or the driver does not say.
  public let hasCarrier: Bool
  /// Bytes of an IP packet.
  public let mtu: UInt32
  public private(set) var counters = InterfaceCounters()

  public static func directory(of name: String) -> String { "/sys/class/net/\(name)" }

  /// Throws a `Fault` when there is no such interface (any more).
  public init(of name: String) throws(Fault) {
    func text(_ file: String) throws(Fault) -> String {
      do throws(Errno) {
        let bytes = try SmallFile.read("\(Self.directory(of: name))/\(file)", limit: 256)
        return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
      } catch {
        throw Fault(
          "cannot look at the interface \(name)", cause: error, remedy: "Is it still there?")
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
