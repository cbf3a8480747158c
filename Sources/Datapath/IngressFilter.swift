// Keeps packets to dedicated addresses from this host where no XDP program runs, by nftables.
import Kernel
import Wire

/// A rule of nftables that drops the IPv4 packets that arrive on an interface for some addresses. Packet capture gets its
/// copies before (net/core/dev.c, __netif_receive_skb_core).
///
/// The table belongs to the socket: nobody else can change it, and the kernel removes it when the process ends, however
/// that happens.
struct IngressFilter: ~Copyable {
  private let socket: NetlinkSocket
  private static let addressOffset: UInt32 = 16
  /// Addresses added in one transaction, which must fit in the socket's buffer.
  private static let addressesAtOnce = 1_000
  /// Before the rules of others.
  private static let priority: Int32 = -500
  private static let set = "dedicated"
  private static let chain = "ingress"

  /// Needs CAP_NET_ADMIN, and nftables in the kernel (Linux 5.12).
  init(interface name: String, addresses: [IPv4Address]) throws(NetlinkError) {
    let socket = try NetlinkSocket(.netfilter)
    // Several scans on one host have a table each.
    let table = "synbox-\(socket.port)"
    try socket.transaction([Self.table(table), Self.set(table)], subsystem: NFNL_SUBSYS_NFTABLES)
    for start in stride(from: 0, to: addresses.count, by: Self.addressesAtOnce) {
      let some = addresses[start..<min(start + Self.addressesAtOnce, addresses.count)]
      try socket.transaction([Self.elements(some, table)], subsystem: NFNL_SUBSYS_NFTABLES)
    }
    try socket.transaction(
      [Self.chain(table, on: name), Self.rule(table)], subsystem: NFNL_SUBSYS_NFTABLES)
    self.socket = socket
  }

  /// A message with its `nfgenmsg`.
  private static func message(_ type: UInt16, _ flags: UInt16) -> NetlinkMessage {
    NetlinkMessage(
      type: NFNL_SUBSYS_NFTABLES << 8 | type, flags: NLM_F_CREATE | flags,
      header: [NFPROTO_NETDEV, 0, 0, 0])
  }

  private static func table(_ name: String) -> NetlinkMessage {
    var message = message(NFT_MSG_NEWTABLE, NLM_F_EXCL)
    message.put(NFTA_TABLE_NAME, string: name)
    message.put(NFTA_TABLE_FLAGS, NFT_TABLE_F_OWNER.bigEndian)
    return message
  }

  private static func set(_ table: String) -> NetlinkMessage {
    var message = message(NFT_MSG_NEWSET, NLM_F_EXCL)
    message.put(NFTA_SET_TABLE, string: table)
    message.put(NFTA_SET_NAME, string: set)
    message.put(NFTA_SET_KEY_LEN, UInt32(4).bigEndian)
    message.put(NFTA_SET_ID, UInt32(1).bigEndian)
    return message
  }

  private static func elements(_ addresses: ArraySlice<IPv4Address>, _ table: String) -> NetlinkMessage
  {
    var message = message(NFT_MSG_NEWSETELEM, 0)
    message.put(NFTA_SET_ELEM_LIST_TABLE, string: table)
    message.put(NFTA_SET_ELEM_LIST_SET, string: set)
    message.nest(NFTA_SET_ELEM_LIST_ELEMENTS) { list in
      for address in addresses {
        list.nest(NFTA_LIST_ELEM) { element in
          element.nest(NFTA_SET_ELEM_KEY) { $0.put(NFTA_DATA_VALUE, address.value.bigEndian) }
        }
      }
    }
    return message
  }

  private static func chain(_ table: String, on interface: String) -> NetlinkMessage {
    var message = message(NFT_MSG_NEWCHAIN, NLM_F_EXCL)
    message.put(NFTA_CHAIN_TABLE, string: table)
    message.put(NFTA_CHAIN_NAME, string: chain)
    message.nest(NFTA_CHAIN_HOOK) {
      $0.put(NFTA_HOOK_HOOKNUM, NF_NETDEV_INGRESS.bigEndian)
      $0.put(NFTA_HOOK_PRIORITY, priority.bigEndian)
      $0.put(NFTA_HOOK_DEV, string: interface)
    }
    message.put(NFTA_CHAIN_POLICY, NF_ACCEPT.bigEndian)
    message.put(NFTA_CHAIN_TYPE, string: "filter")
    return message
  }

  /// Is it IPv4, and for one of the addresses? Then drop it.
  private static func rule(_ table: String) -> NetlinkMessage {
    var message = message(NFT_MSG_NEWRULE, NLM_F_APPEND)
    message.put(NFTA_RULE_TABLE, string: table)
    message.put(NFTA_RULE_CHAIN, string: chain)
    message.nest(NFTA_RULE_EXPRESSIONS) { rule in
      rule.expression("meta") {
        $0.put(NFTA_META_DREG, NFT_REG_1.bigEndian)
        $0.put(NFTA_META_KEY, NFT_META_PROTOCOL.bigEndian)
      }
      rule.expression("cmp") {
        $0.put(NFTA_CMP_SREG, NFT_REG_1.bigEndian)
        $0.put(NFTA_CMP_OP, NFT_CMP_EQ.bigEndian)
        $0.nest(NFTA_CMP_DATA) { $0.put(NFTA_DATA_VALUE, EtherType.ipv4.rawValue.bigEndian) }
      }
      rule.expression("payload") {
        $0.put(NFTA_PAYLOAD_DREG, NFT_REG_1.bigEndian)
        $0.put(NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER.bigEndian)
        $0.put(NFTA_PAYLOAD_OFFSET, addressOffset.bigEndian)
        $0.put(NFTA_PAYLOAD_LEN, UInt32(4).bigEndian)
      }
      rule.expression("lookup") {
        $0.put(NFTA_LOOKUP_SET, string: set)
        $0.put(NFTA_LOOKUP_SREG, NFT_REG_1.bigEndian)
      }
      rule.expression("immediate") {
        $0.put(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT.bigEndian)
        $0.nest(NFTA_IMMEDIATE_DATA) {
          $0.nest(NFTA_DATA_VERDICT) { $0.put(NFTA_VERDICT_CODE, NF_DROP.bigEndian) }
        }
      }
    }
    return message
  }
}

extension NetlinkMessage {
  /// Appends a step of a rule. The rule ends at the first that does not match.
  fileprivate mutating func expression(_ name: String, _ fill: (inout NetlinkMessage) -> Void) {
    nest(NFTA_LIST_ELEM) {
      $0.put(NFTA_EXPR_NAME, string: name)
      $0.nest(NFTA_EXPR_DATA, fill)
    }
  }
}
