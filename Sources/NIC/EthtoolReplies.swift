// What the `ethtool` and `netdev` netlink families answer. Pure, as RouteReplies.swift.
import Kernel

extension NetlinkAttributes {
  /// `ETHTOOL_MSG_RINGS_GET_REPLY`.
  package func rings() throws(NetlinkError) -> Rings {
    Rings(
      rx: try bounded(ETHTOOL_A_RINGS_RX, ETHTOOL_A_RINGS_RX_MAX),
      tx: try bounded(ETHTOOL_A_RINGS_TX, ETHTOOL_A_RINGS_TX_MAX))
  }

  /// `ETHTOOL_MSG_CHANNELS_GET_REPLY`.
  package func channels() throws(NetlinkError) -> Channels {
    Channels(
      combined: try bounded(ETHTOOL_A_CHANNELS_COMBINED_COUNT, ETHTOOL_A_CHANNELS_COMBINED_MAX),
      rx: try bounded(ETHTOOL_A_CHANNELS_RX_COUNT, ETHTOOL_A_CHANNELS_RX_MAX),
      tx: try bounded(ETHTOOL_A_CHANNELS_TX_COUNT, ETHTOOL_A_CHANNELS_TX_MAX),
      other: try bounded(ETHTOOL_A_CHANNELS_OTHER_COUNT, ETHTOOL_A_CHANNELS_OTHER_MAX))
  }

  /// `ETHTOOL_MSG_COALESCE_GET_REPLY`.
  package func coalescing() throws(NetlinkError) -> Coalescing {
    var coalescing = Coalescing()
    for parameter in CoalescingNumber.allCases {
      coalescing.numbers[parameter] = try number(parameter.attribute)
    }
    for parameter in CoalescingFlag.allCases {
      coalescing.flags[parameter] = try number(parameter.attribute, UInt8.self).map { $0 != 0 }
    }
    return coalescing
  }

  /// `ETHTOOL_MSG_FEATURES_GET_REPLY`, by the kernel's names.
  package func features() throws(NetlinkError) -> [String: Feature] {
    // `hw` lists every feature with its bit, the others only those that are set.
    let hardware = try bitset(ETHTOOL_A_FEATURES_HW)
    let wanted = try bitset(ETHTOOL_A_FEATURES_WANTED)
    let active = try bitset(ETHTOOL_A_FEATURES_ACTIVE)
    let noChange = try bitset(ETHTOOL_A_FEATURES_NOCHANGE)
    return Dictionary(
      uniqueKeysWithValues: hardware.map { name, bit in
        let feature = Feature(
          hardware: bit, wanted: wanted[name] ?? false, active: active[name] ?? false,
          noChange: noChange[name] ?? false)
        return (name, feature)
      })
  }

  /// `NETDEV_CMD_DEV_GET`'s reply.
  package func xdpFeatures() throws(NetlinkError) -> (XDPFeatures?, UInt32?) {
    (
      try number(NETDEV_A_DEV_XDP_FEATURES).map(XDPFeatures.init(rawValue:)),
      try number(NETDEV_A_DEV_XDP_ZC_MAX_SEGS)
    )
  }

  /// A count and its maximum; nil when the driver names no count.
  private func bounded(_ current: UInt16, _ maximum: UInt16) throws(NetlinkError) -> Bounded? {
    guard let count = try number(current, UInt32.self) else { return nil }
    return Bounded(count, maximum: try number(maximum))
  }

  /// A verbose bitset: the listed names, with their bits. In one without a mask (`NOMASK`) every listed
  /// bit is set.
  private func bitset(_ type: UInt16) throws(NetlinkError) -> [String: Bool] {
    guard let bitset = try self[type]?.nested() else { return [:] }
    let all = bitset[ETHTOOL_A_BITSET_NOMASK] != nil
    var bits: [String: Bool] = [:]
    guard let list = try bitset[ETHTOOL_A_BITSET_BITS]?.nested() else { return [:] }
    for entry in list {
      let bit = try entry.nested()
      // Some bits have had no name since their feature was removed.
      guard let name = bit[ETHTOOL_A_BITSET_BIT_NAME]?.string, !name.isEmpty else { continue }
      bits[name] = all || bit[ETHTOOL_A_BITSET_BIT_VALUE] != nil
    }
    return bits
  }
}
