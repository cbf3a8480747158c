// The kernel's netlink constants under the kernel's names, so that they can be looked up in man pages and headers.
// Each has the width of the field that it is used in, which Swift's import of a C enum does not give.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CNetlink

// Message types, rtnetlink(7).
public let RTM_NEWLINK = UInt16(CNetlink.RTM_NEWLINK)
public let RTM_GETLINK = UInt16(CNetlink.RTM_GETLINK)
public let RTM_NEWADDR = UInt16(CNetlink.RTM_NEWADDR)
public let RTM_DELADDR = UInt16(CNetlink.RTM_DELADDR)
public let RTM_GETADDR = UInt16(CNetlink.RTM_GETADDR)
public let RTM_NEWROUTE = UInt16(CNetlink.RTM_NEWROUTE)
public let RTM_DELROUTE = UInt16(CNetlink.RTM_DELROUTE)
public let RTM_GETROUTE = UInt16(CNetlink.RTM_GETROUTE)
public let RTM_NEWNEIGH = UInt16(CNetlink.RTM_NEWNEIGH)
public let RTM_GETNEIGH = UInt16(CNetlink.RTM_GETNEIGH)

// Message types of every family, and message flags, netlink(7).
public let NLMSG_NOOP = UInt16(CNetlink.NLMSG_NOOP)
public let NLMSG_ERROR = UInt16(CNetlink.NLMSG_ERROR)
public let NLMSG_DONE = UInt16(CNetlink.NLMSG_DONE)
public let NLMSG_OVERRUN = UInt16(CNetlink.NLMSG_OVERRUN)
public let NLM_F_REQUEST = UInt16(CNetlink.NLM_F_REQUEST)
public let NLM_F_ACK = UInt16(CNetlink.NLM_F_ACK)
public let NLM_F_DUMP_INTR = UInt16(CNetlink.NLM_F_DUMP_INTR)
/// `NLM_F_ROOT | NLM_F_MATCH`: the whole table instead of one object.
public let NLM_F_DUMP = UInt16(CNetlink.NLM_F_ROOT | CNetlink.NLM_F_MATCH)
public let NLM_F_REPLACE = UInt16(CNetlink.NLM_F_REPLACE)
public let NLM_F_EXCL = UInt16(CNetlink.NLM_F_EXCL)
public let NLM_F_CREATE = UInt16(CNetlink.NLM_F_CREATE)
public let NLM_F_APPEND = UInt16(CNetlink.NLM_F_APPEND)
public let NLM_F_CAPPED = UInt16(CNetlink.NLM_F_CAPPED)
public let NLM_F_ACK_TLVS = UInt16(CNetlink.NLM_F_ACK_TLVS)

// Attributes of an extended acknowledgement, linux/netlink.h.
public let NLMSGERR_ATTR_MSG = UInt16(CNetlink.NLMSGERR_ATTR_MSG.rawValue)

// Links, linux/if_link.h.
public let IFLA_ADDRESS = UInt16(CNetlink.IFLA_ADDRESS)
public let IFLA_IFNAME = UInt16(CNetlink.IFLA_IFNAME)
public let IFLA_MTU = UInt16(CNetlink.IFLA_MTU)
public let IFLA_NET_NS_FD = UInt16(CNetlink.IFLA_NET_NS_FD)
public let IFLA_OPERSTATE = UInt16(CNetlink.IFLA_OPERSTATE)
public let IFLA_CARRIER = UInt16(CNetlink.IFLA_CARRIER)
public let IFLA_CARRIER_CHANGES = UInt16(CNetlink.IFLA_CARRIER_CHANGES)
public let IFLA_NUM_TX_QUEUES = UInt16(CNetlink.IFLA_NUM_TX_QUEUES)
public let IFLA_NUM_RX_QUEUES = UInt16(CNetlink.IFLA_NUM_RX_QUEUES)
public let IFLA_MIN_MTU = UInt16(CNetlink.IFLA_MIN_MTU)
public let IFLA_MAX_MTU = UInt16(CNetlink.IFLA_MAX_MTU)

// Addresses, linux/if_addr.h.
public let IFA_ADDRESS = UInt16(CNetlink.IFA_ADDRESS)
public let IFA_LOCAL = UInt16(CNetlink.IFA_LOCAL)

// Routes, linux/rtnetlink.h.
public let RTA_DST = UInt16(CNetlink.RTA_DST.rawValue)
public let RTA_OIF = UInt16(CNetlink.RTA_OIF.rawValue)
public let RTA_GATEWAY = UInt16(CNetlink.RTA_GATEWAY.rawValue)
public let RTA_PREFSRC = UInt16(CNetlink.RTA_PREFSRC.rawValue)
public let RTA_TABLE = UInt16(CNetlink.RTA_TABLE.rawValue)
public let RTN_UNICAST = UInt8(CNetlink.RTN_UNICAST)
public let RTN_LOCAL = UInt8(CNetlink.RTN_LOCAL)
public let RT_SCOPE_LINK = UInt8(CNetlink.RT_SCOPE_LINK.rawValue)
public let RT_SCOPE_UNIVERSE = UInt8(CNetlink.RT_SCOPE_UNIVERSE.rawValue)
public let RT_TABLE_MAIN = UInt8(CNetlink.RT_TABLE_MAIN.rawValue)
public let RTPROT_STATIC = UInt8(CNetlink.RTPROT_STATIC)
public let RTM_F_FIB_MATCH = UInt32(CNetlink.RTM_F_FIB_MATCH)

// Neighbours, linux/neighbour.h.
public let NDA_DST = UInt16(CNetlink.NDA_DST)
public let NDA_LLADDR = UInt16(CNetlink.NDA_LLADDR)
public let NUD_REACHABLE = UInt16(CNetlink.NUD_REACHABLE)
public let NUD_STALE = UInt16(CNetlink.NUD_STALE)
public let NUD_DELAY = UInt16(CNetlink.NUD_DELAY)
public let NUD_PROBE = UInt16(CNetlink.NUD_PROBE)
public let NUD_PERMANENT = UInt16(CNetlink.NUD_PERMANENT)

// Generic netlink and its controller, linux/genetlink.h.
/// `NLMSG_MIN_TYPE`: the controller itself is the first generic family.
public let GENL_ID_CTRL: UInt16 = 0x10
public let CTRL_ATTR_FAMILY_ID = UInt16(CNetlink.CTRL_ATTR_FAMILY_ID)
public let CTRL_ATTR_FAMILY_NAME = UInt16(CNetlink.CTRL_ATTR_FAMILY_NAME)
public let CTRL_CMD_GETFAMILY = UInt8(CNetlink.CTRL_CMD_GETFAMILY)

// The `ethtool` family, linux/ethtool_netlink.h: commands,
public let ETHTOOL_MSG_FEATURES_GET = UInt8(CNetlink.ETHTOOL_MSG_FEATURES_GET)
public let ETHTOOL_MSG_FEATURES_SET = UInt8(CNetlink.ETHTOOL_MSG_FEATURES_SET)
public let ETHTOOL_MSG_RINGS_GET = UInt8(CNetlink.ETHTOOL_MSG_RINGS_GET)
public let ETHTOOL_MSG_RINGS_SET = UInt8(CNetlink.ETHTOOL_MSG_RINGS_SET)
public let ETHTOOL_MSG_CHANNELS_GET = UInt8(CNetlink.ETHTOOL_MSG_CHANNELS_GET)
public let ETHTOOL_MSG_CHANNELS_SET = UInt8(CNetlink.ETHTOOL_MSG_CHANNELS_SET)
public let ETHTOOL_MSG_COALESCE_GET = UInt8(CNetlink.ETHTOOL_MSG_COALESCE_GET)
public let ETHTOOL_MSG_COALESCE_SET = UInt8(CNetlink.ETHTOOL_MSG_COALESCE_SET)

// and attributes. Attribute 1 of every request is its header.
public let ETHTOOL_A_RINGS_HEADER = UInt16(CNetlink.ETHTOOL_A_RINGS_HEADER)
public let ETHTOOL_A_HEADER_DEV_INDEX = UInt16(CNetlink.ETHTOOL_A_HEADER_DEV_INDEX)
public let ETHTOOL_A_RINGS_RX_MAX = UInt16(CNetlink.ETHTOOL_A_RINGS_RX_MAX)
public let ETHTOOL_A_RINGS_TX_MAX = UInt16(CNetlink.ETHTOOL_A_RINGS_TX_MAX)
public let ETHTOOL_A_RINGS_RX = UInt16(CNetlink.ETHTOOL_A_RINGS_RX)
public let ETHTOOL_A_RINGS_TX = UInt16(CNetlink.ETHTOOL_A_RINGS_TX)
public let ETHTOOL_A_CHANNELS_RX_MAX = UInt16(CNetlink.ETHTOOL_A_CHANNELS_RX_MAX)
public let ETHTOOL_A_CHANNELS_TX_MAX = UInt16(CNetlink.ETHTOOL_A_CHANNELS_TX_MAX)
public let ETHTOOL_A_CHANNELS_OTHER_MAX = UInt16(CNetlink.ETHTOOL_A_CHANNELS_OTHER_MAX)
public let ETHTOOL_A_CHANNELS_COMBINED_MAX = UInt16(CNetlink.ETHTOOL_A_CHANNELS_COMBINED_MAX)
public let ETHTOOL_A_CHANNELS_RX_COUNT = UInt16(CNetlink.ETHTOOL_A_CHANNELS_RX_COUNT)
public let ETHTOOL_A_CHANNELS_TX_COUNT = UInt16(CNetlink.ETHTOOL_A_CHANNELS_TX_COUNT)
public let ETHTOOL_A_CHANNELS_OTHER_COUNT = UInt16(CNetlink.ETHTOOL_A_CHANNELS_OTHER_COUNT)
public let ETHTOOL_A_CHANNELS_COMBINED_COUNT = UInt16(CNetlink.ETHTOOL_A_CHANNELS_COMBINED_COUNT)
public let ETHTOOL_A_COALESCE_RX_USECS = UInt16(CNetlink.ETHTOOL_A_COALESCE_RX_USECS)
public let ETHTOOL_A_COALESCE_RX_MAX_FRAMES = UInt16(CNetlink.ETHTOOL_A_COALESCE_RX_MAX_FRAMES)
public let ETHTOOL_A_COALESCE_TX_USECS = UInt16(CNetlink.ETHTOOL_A_COALESCE_TX_USECS)
public let ETHTOOL_A_COALESCE_TX_MAX_FRAMES = UInt16(CNetlink.ETHTOOL_A_COALESCE_TX_MAX_FRAMES)
public let ETHTOOL_A_COALESCE_USE_ADAPTIVE_RX = UInt16(CNetlink.ETHTOOL_A_COALESCE_USE_ADAPTIVE_RX)
public let ETHTOOL_A_COALESCE_USE_ADAPTIVE_TX = UInt16(CNetlink.ETHTOOL_A_COALESCE_USE_ADAPTIVE_TX)
public let ETHTOOL_A_FEATURES_HW = UInt16(CNetlink.ETHTOOL_A_FEATURES_HW)
public let ETHTOOL_A_FEATURES_WANTED = UInt16(CNetlink.ETHTOOL_A_FEATURES_WANTED)
public let ETHTOOL_A_FEATURES_ACTIVE = UInt16(CNetlink.ETHTOOL_A_FEATURES_ACTIVE)
public let ETHTOOL_A_FEATURES_NOCHANGE = UInt16(CNetlink.ETHTOOL_A_FEATURES_NOCHANGE)
public let ETHTOOL_A_BITSET_NOMASK = UInt16(CNetlink.ETHTOOL_A_BITSET_NOMASK)
public let ETHTOOL_A_BITSET_BITS = UInt16(CNetlink.ETHTOOL_A_BITSET_BITS)
public let ETHTOOL_A_BITSET_BITS_BIT = UInt16(CNetlink.ETHTOOL_A_BITSET_BITS_BIT)
public let ETHTOOL_A_BITSET_BIT_NAME = UInt16(CNetlink.ETHTOOL_A_BITSET_BIT_NAME)
public let ETHTOOL_A_BITSET_BIT_VALUE = UInt16(CNetlink.ETHTOOL_A_BITSET_BIT_VALUE)

// nfnetlink and nf_tables, linux/netfilter/nfnetlink.h and linux/netfilter/nf_tables.h. A table's messages have the type
// `subsystem << 8 | message`; numbers in their attributes are big-endian.
public let NFNL_MSG_BATCH_BEGIN = UInt16(CNetlink.NFNL_MSG_BATCH_BEGIN)
public let NFNL_MSG_BATCH_END = UInt16(CNetlink.NFNL_MSG_BATCH_END)
public let NFNL_SUBSYS_NFTABLES = UInt16(CNetlink.NFNL_SUBSYS_NFTABLES)
// Of linux/netfilter.h, which cannot be included beside netinet/in.h.
public let NFPROTO_NETDEV: UInt8 = 5
public let NF_DROP: UInt32 = 0
public let NF_ACCEPT: UInt32 = 1
public let NF_NETDEV_INGRESS: UInt32 = 0
public let NFT_MSG_NEWTABLE = UInt16(CNetlink.NFT_MSG_NEWTABLE.rawValue)
public let NFT_MSG_NEWCHAIN = UInt16(CNetlink.NFT_MSG_NEWCHAIN.rawValue)
public let NFT_MSG_NEWRULE = UInt16(CNetlink.NFT_MSG_NEWRULE.rawValue)
public let NFT_MSG_NEWSET = UInt16(CNetlink.NFT_MSG_NEWSET.rawValue)
public let NFT_MSG_NEWSETELEM = UInt16(CNetlink.NFT_MSG_NEWSETELEM.rawValue)
/// `NFT_TABLE_F_OWNER` (Linux 5.12): the table belongs to the socket and ends with it.
public let NFT_TABLE_F_OWNER: UInt32 = 2
public let NFTA_TABLE_NAME = UInt16(CNetlink.NFTA_TABLE_NAME.rawValue)
public let NFTA_TABLE_FLAGS = UInt16(CNetlink.NFTA_TABLE_FLAGS.rawValue)
public let NFTA_SET_TABLE = UInt16(CNetlink.NFTA_SET_TABLE.rawValue)
public let NFTA_SET_NAME = UInt16(CNetlink.NFTA_SET_NAME.rawValue)
public let NFTA_SET_KEY_LEN = UInt16(CNetlink.NFTA_SET_KEY_LEN.rawValue)
public let NFTA_SET_ID = UInt16(CNetlink.NFTA_SET_ID.rawValue)
public let NFTA_SET_ELEM_LIST_TABLE = UInt16(CNetlink.NFTA_SET_ELEM_LIST_TABLE.rawValue)
public let NFTA_SET_ELEM_LIST_SET = UInt16(CNetlink.NFTA_SET_ELEM_LIST_SET.rawValue)
public let NFTA_SET_ELEM_LIST_ELEMENTS = UInt16(CNetlink.NFTA_SET_ELEM_LIST_ELEMENTS.rawValue)
public let NFTA_SET_ELEM_KEY = UInt16(CNetlink.NFTA_SET_ELEM_KEY.rawValue)
public let NFTA_LIST_ELEM = UInt16(CNetlink.NFTA_LIST_ELEM.rawValue)
public let NFTA_DATA_VALUE = UInt16(CNetlink.NFTA_DATA_VALUE.rawValue)
public let NFTA_DATA_VERDICT = UInt16(CNetlink.NFTA_DATA_VERDICT.rawValue)
public let NFTA_VERDICT_CODE = UInt16(CNetlink.NFTA_VERDICT_CODE.rawValue)
public let NFTA_CHAIN_TABLE = UInt16(CNetlink.NFTA_CHAIN_TABLE.rawValue)
public let NFTA_CHAIN_NAME = UInt16(CNetlink.NFTA_CHAIN_NAME.rawValue)
public let NFTA_CHAIN_HOOK = UInt16(CNetlink.NFTA_CHAIN_HOOK.rawValue)
public let NFTA_CHAIN_POLICY = UInt16(CNetlink.NFTA_CHAIN_POLICY.rawValue)
public let NFTA_CHAIN_TYPE = UInt16(CNetlink.NFTA_CHAIN_TYPE.rawValue)
public let NFTA_HOOK_HOOKNUM = UInt16(CNetlink.NFTA_HOOK_HOOKNUM.rawValue)
public let NFTA_HOOK_PRIORITY = UInt16(CNetlink.NFTA_HOOK_PRIORITY.rawValue)
public let NFTA_HOOK_DEV = UInt16(CNetlink.NFTA_HOOK_DEV.rawValue)
public let NFTA_RULE_TABLE = UInt16(CNetlink.NFTA_RULE_TABLE.rawValue)
public let NFTA_RULE_CHAIN = UInt16(CNetlink.NFTA_RULE_CHAIN.rawValue)
public let NFTA_RULE_EXPRESSIONS = UInt16(CNetlink.NFTA_RULE_EXPRESSIONS.rawValue)
public let NFTA_EXPR_NAME = UInt16(CNetlink.NFTA_EXPR_NAME.rawValue)
public let NFTA_EXPR_DATA = UInt16(CNetlink.NFTA_EXPR_DATA.rawValue)
public let NFTA_META_DREG = UInt16(CNetlink.NFTA_META_DREG.rawValue)
public let NFTA_META_KEY = UInt16(CNetlink.NFTA_META_KEY.rawValue)
public let NFT_META_PROTOCOL = UInt32(CNetlink.NFT_META_PROTOCOL.rawValue)
public let NFTA_CMP_SREG = UInt16(CNetlink.NFTA_CMP_SREG.rawValue)
public let NFTA_CMP_OP = UInt16(CNetlink.NFTA_CMP_OP.rawValue)
public let NFTA_CMP_DATA = UInt16(CNetlink.NFTA_CMP_DATA.rawValue)
public let NFT_CMP_EQ = UInt32(CNetlink.NFT_CMP_EQ.rawValue)
public let NFTA_PAYLOAD_DREG = UInt16(CNetlink.NFTA_PAYLOAD_DREG.rawValue)
public let NFTA_PAYLOAD_BASE = UInt16(CNetlink.NFTA_PAYLOAD_BASE.rawValue)
public let NFTA_PAYLOAD_OFFSET = UInt16(CNetlink.NFTA_PAYLOAD_OFFSET.rawValue)
public let NFTA_PAYLOAD_LEN = UInt16(CNetlink.NFTA_PAYLOAD_LEN.rawValue)
public let NFT_PAYLOAD_NETWORK_HEADER = UInt32(CNetlink.NFT_PAYLOAD_NETWORK_HEADER.rawValue)
public let NFTA_LOOKUP_SET = UInt16(CNetlink.NFTA_LOOKUP_SET.rawValue)
public let NFTA_LOOKUP_SREG = UInt16(CNetlink.NFTA_LOOKUP_SREG.rawValue)
public let NFTA_IMMEDIATE_DREG = UInt16(CNetlink.NFTA_IMMEDIATE_DREG.rawValue)
public let NFTA_IMMEDIATE_DATA = UInt16(CNetlink.NFTA_IMMEDIATE_DATA.rawValue)
public let NFT_REG_VERDICT = UInt32(CNetlink.NFT_REG_VERDICT.rawValue)
public let NFT_REG_1 = UInt32(CNetlink.NFT_REG_1.rawValue)

// The `netdev` family, from include/uapi/linux/netdev.h and Documentation/netlink/specs/netdev.yaml of Linux 6.6.
// Debian 12 does not have that header. The numbers are part of the kernel's stable ABI.
public let NETDEV_CMD_DEV_GET: UInt8 = 1
public let NETDEV_A_DEV_IFINDEX: UInt16 = 1
public let NETDEV_A_DEV_XDP_FEATURES: UInt16 = 3
public let NETDEV_A_DEV_XDP_ZC_MAX_SEGS: UInt16 = 4
