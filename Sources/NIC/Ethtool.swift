// Rings, channels, coalescing and features through the `ethtool` netlink family
// (Documentation/networking/ethtool-netlink.rst); XDP features through `netdev`.
import Kernel

extension NetworkControl {
  /// Returns a request about one device. Its header attribute has the number 1 in every ethtool message.
  private func message(_ command: UInt8, _ index: Int32) throws(NetlinkError) -> NetlinkMessage {
    guard let ethtool else {
      throw .refused(.notSupported, reason: "the kernel has no ethtool netlink family (Linux 5.6)")
    }
    var message = NetlinkMessage(family: ethtool, command: command)
    message.nest(ETHTOOL_A_RINGS_HEADER) {
      $0.put(ETHTOOL_A_HEADER_DEV_INDEX, UInt32(bitPattern: index))
    }
    return message
  }

  /// Returns the reply to a query about a device; nil if the driver does not support the operation.
  private func query(_ command: UInt8, _ index: Int32) throws(NetlinkError) -> NetlinkAttributes? {
    do throws(NetlinkError) {
      guard let reply = try generic.request(message(command, index)).first else { return nil }
      return try NetlinkAttributes(reply, after: 4)
    } catch {
      if error.errno == .notSupported { return nil }
      throw error
    }
  }

  func rings(of index: Int32) throws(NetlinkError) -> Rings? {
    guard let reply = try query(ETHTOOL_MSG_RINGS_GET, index) else { return nil }
    return try reply.rings()
  }

  func channels(of index: Int32) throws(NetlinkError) -> Channels? {
    guard let reply = try query(ETHTOOL_MSG_CHANNELS_GET, index) else { return nil }
    return try reply.channels()
  }

  func coalescing(of index: Int32) throws(NetlinkError) -> Coalescing? {
    guard let reply = try query(ETHTOOL_MSG_COALESCE_GET, index) else { return nil }
    return try reply.coalescing()
  }

  func features(of index: Int32) throws(NetlinkError) -> [String: Feature] {
    guard let reply = try query(ETHTOOL_MSG_FEATURES_GET, index) else { return [:] }
    return try reply.features()
  }

  func xdpFeatures(of index: Int32) throws(NetlinkError) -> (XDPFeatures?, UInt32?) {
    guard let netdev else { return (nil, nil) }
    var message = NetlinkMessage(family: netdev, command: NETDEV_CMD_DEV_GET)
    message.put(NETDEV_A_DEV_IFINDEX, index)
    guard let reply = try generic.request(message).first else { return (nil, nil) }
    return try NetlinkAttributes(reply, after: 4).xdpFeatures()
  }
}

// MARK: - Changing

extension NetworkControl {
  /// Sends one command with several numbers, which the driver accepts or refuses together.
  func setNumbers(_ command: UInt8, _ index: Int32, _ numbers: [(attribute: UInt16, value: UInt32)])
    throws(NetlinkError)
  {
    var message = try message(command, index)
    for (attribute, value) in numbers { message.put(attribute, value) }
    _ = try generic.request(message)
  }

  func setFlag(_ command: UInt8, _ index: Int32, _ attribute: UInt16, to value: Bool)
    throws(NetlinkError)
  {
    var message = try message(command, index)
    message.put(attribute, UInt8(value ? 1 : 0))
    _ = try generic.request(message)
  }

  /// Requests features on or off. The kernel changes those it can and reports no error for the others.
  func setFeatures(_ index: Int32, _ features: [(name: String, on: Bool)]) throws(NetlinkError) {
    var message = try message(ETHTOOL_MSG_FEATURES_SET, index)
    message.nest(ETHTOOL_A_FEATURES_WANTED) { wanted in
      wanted.nest(ETHTOOL_A_BITSET_BITS) { bits in
        for feature in features {
          bits.nest(ETHTOOL_A_BITSET_BITS_BIT) { bit in
            bit.put(ETHTOOL_A_BITSET_BIT_NAME, string: feature.name)
            if feature.on { bit.put(flag: ETHTOOL_A_BITSET_BIT_VALUE) }
          }
        }
      }
    }
    _ = try generic.request(message)
  }
}

extension CoalescingNumber {
  var attribute: UInt16 {
    switch self {
    case .rxUsecs: ETHTOOL_A_COALESCE_RX_USECS
    case .rxFrames: ETHTOOL_A_COALESCE_RX_MAX_FRAMES
    case .txUsecs: ETHTOOL_A_COALESCE_TX_USECS
    case .txFrames: ETHTOOL_A_COALESCE_TX_MAX_FRAMES
    }
  }
}

extension CoalescingFlag {
  var attribute: UInt16 {
    switch self {
    case .adaptiveRX: ETHTOOL_A_COALESCE_USE_ADAPTIVE_RX
    case .adaptiveTX: ETHTOOL_A_COALESCE_USE_ADAPTIVE_TX
    }
  }
}
