// Parses replies of the `ethtool` and `netdev` netlink families. Pure, so that fuzzing needs no kernel.
import Kernel

extension NetlinkAttributes {
  /// Parses `ETHTOOL_MSG_RINGS_GET_REPLY`.
  package func rings() throws(NetlinkError) -> Rings {
    Rings(
      rx: try bounded(ETHTOOL_A_RINGS_RX, ETHTOOL_A_RINGS_RX_MAX),
      tx: try bounded(ETHTOOL_A_RINGS_TX, ETHTOOL_A_RINGS_TX_MAX))
  }

  /// Parses `ETHTOOL_MSG_CHANNELS_GET_REPLY`.
  package func channels() throws(NetlinkError) -> Channels {
    Channels(
      combined: try bounded(ETHTOOL_A_CHANNELS_COMBINED_COUNT, ETHTOOL_A_CHANNELS_COMBINED_MAX),
      rx: try bounded(ETHTOOL_A_CHANNELS_RX_COUNT, ETHTOOL_A_CHANNELS_RX_MAX),
      tx: try bounded(ETHTOOL_A_CHANNELS_TX_COUNT, ETHTOOL_A_CHANNELS_TX_MAX),
      other: try bounded(ETHTOOL_A_CHANNELS_OTHER_COUNT, ETHTOOL_A_CHANNELS_OTHER_MAX))
  }

  /// Parses `ETHTOOL_MSG_COALESCE_GET_REPLY`.
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

  /// Parses `ETHTOOL_MSG_FEATURES_GET_REPLY`. Keys are the kernel's names.
  package func features() throws(NetlinkError) -> [String: Feature] {
    // `hw` lists every feature with its bit; the others list only the features that are set.
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

  /// Parses the reply to `NETDEV_CMD_DEV_GET`: XDP features, and the segments of a zero-copy packet.
  package func xdpFeatures() throws(NetlinkError) -> (XDPFeatures?, UInt32?) {
    (
      try number(NETDEV_A_DEV_XDP_FEATURES).map(XDPFeatures.init(rawValue:)),
      try number(NETDEV_A_DEV_XDP_ZC_MAX_SEGS)
    )
  }

  /// Returns a count and its maximum; nil if the driver reports no count.
  private func bounded(_ current: UInt16, _ maximum: UInt16) throws(NetlinkError) -> Bounded? {
    guard let count = try number(current, UInt32.self) else { return nil }
    return Bounded(count, maximum: try number(maximum))
  }

  /// Parses a verbose bitset. In one without a mask (`NOMASK`), every listed bit is set.
  private func bitset(_ type: UInt16) throws(NetlinkError) -> [String: Bool] {
    guard let bitset = try self[type]?.nested() else { return [:] }
    let hasNoMask = bitset[ETHTOOL_A_BITSET_NOMASK] != nil
    var bits: [String: Bool] = [:]
    guard let list = try bitset[ETHTOOL_A_BITSET_BITS]?.nested() else { return [:] }
    for entry in list {
      let bit = try entry.nested()
      // Bits of removed features have no name.
      guard let name = bit[ETHTOOL_A_BITSET_BIT_NAME]?.string, !name.isEmpty else { continue }
      bits[name] = hasNoMask || bit[ETHTOOL_A_BITSET_BIT_VALUE] != nil
    }
    return bits
  }
}
