// What an interface has counted, for the status: traffic, and what was dropped on the way.
import Kernel

/// Numbers of `struct rtnl_link_stats64` (linux/if_link.h), since the interface was made.
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

  /// nil when there are fewer octets than the kernel has always sent.
  init?(_ octets: [UInt8]) {
    func number(_ index: Int) -> UInt64? { octets.native(at: index * 8, as: UInt64.self) }
    guard let rxMissed = number(15) else { return nil }
    self.rxMissed = rxMissed
    rxPackets = number(0) ?? 0
    txPackets = number(1) ?? 0
    rxErrors = number(4) ?? 0
    txErrors = number(5) ?? 0
    rxDropped = number(6) ?? 0
    txDropped = number(7) ?? 0
  }

  /// What was counted since an earlier look; 0 where a driver began anew.
  public func since(_ earlier: InterfaceCounters) -> InterfaceCounters {
    func difference(_ path: KeyPath<InterfaceCounters, UInt64>) -> UInt64 {
      self[keyPath: path] - min(self[keyPath: path], earlier[keyPath: path])
    }
    var counters = InterfaceCounters()
    counters.rxPackets = difference(\.rxPackets)
    counters.txPackets = difference(\.txPackets)
    counters.rxErrors = difference(\.rxErrors)
    counters.txErrors = difference(\.txErrors)
    counters.rxDropped = difference(\.rxDropped)
    counters.txDropped = difference(\.txDropped)
    counters.rxMissed = difference(\.rxMissed)
    return counters
  }
}

extension NetworkControl {
  /// The link's counters as they are now. Needs no new socket, so it can be asked after the drop.
  public func counters(of index: Int32) throws(Fault) -> InterfaceCounters {
    do throws(NetlinkError) {
      let message = NetlinkMessage(
        type: RTM_GETLINK, flags: NLM_F_DUMP, header: Self.linkHeader(index: 0))
      for reply in try route.request(message) where reply.type == RTM_NEWLINK {
        guard reply.payload.native(at: 4, as: Int32.self) == index else { continue }
        let attributes = try NetlinkAttributes(reply, after: 16)
        guard let value = attributes[IFLA_STATS64]?.value,
          let counters = InterfaceCounters(Array(value))
        else { throw .malformed("a link without counters") }
        return counters
      }
    } catch {
      throw error.fault("cannot read the counters of the interface \(index)")
    }
    throw Fault("the interface \(index) is gone")
  }
}
