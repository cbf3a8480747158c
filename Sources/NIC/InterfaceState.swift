// The current state of a network interface, as the kernel reports it.
import Kernel
import Support
import Wire

/// An IPv4 address of an interface, with the prefix length of its network.
public struct InterfaceAddress: Hashable, Comparable, Sendable, CustomStringConvertible {
  public var address: IPv4Address
  /// 0 to 32.
  public var prefixLength: UInt8

  public init(_ address: IPv4Address, prefixLength: UInt8) {
    precondition(prefixLength <= 32, "an IPv4 prefix has at most 32 bits")
    self.address = address
    self.prefixLength = prefixLength
  }

  /// Parses `a.b.c.d/len`. Returns nil for anything else.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let address = IPv4Address(parts[0]), let length = UInt8(decimal: parts[1]),
      length <= 32
    else { return nil }
    self.init(address, prefixLength: length)
  }

  /// The network mask in host byte order.
  public var mask: UInt32 { prefixLength == 0 ? 0 : ~0 << (32 - UInt32(prefixLength)) }

  /// Returns whether `other` is in this address's network.
  public func contains(_ other: IPv4Address) -> Bool {
    (other.value ^ address.value) & mask == 0
  }

  public static func < (a: Self, b: Self) -> Bool {
    (a.address, a.prefixLength) < (b.address, b.prefixLength)
  }

  public var description: String { "\(address)/\(prefixLength)" }
}

/// A current value and the driver's maximum.
public struct Bounded: Hashable, Sendable {
  public var current: UInt32
  /// nil if the driver reports none.
  public var maximum: UInt32?

  public init(_ current: UInt32, maximum: UInt32?) {
    self.current = current
    self.maximum = maximum
  }
}

/// Ring sizes in descriptors (`ethtool -g`).
public struct Rings: Hashable, Sendable {
  public var rx: Bounded?
  public var tx: Bounded?

  public init(rx: Bounded?, tx: Bounded?) {
    self.rx = rx
    self.tx = tx
  }
}

/// Numbers of channels (`ethtool -l`); nil for a kind that the driver does not support.
public struct Channels: Hashable, Sendable {
  public var combined: Bounded?
  public var rx: Bounded?
  public var tx: Bounded?
  public var other: Bounded?

  public init(
    combined: Bounded? = nil, rx: Bounded? = nil, tx: Bounded? = nil, other: Bounded? = nil
  ) {
    self.combined = combined
    self.rx = rx
    self.tx = tx
    self.other = other
  }
}

/// Interrupt coalescing (`ethtool -c`), without the parameters that the driver does not support.
public struct Coalescing: Hashable, Sendable {
  /// Microseconds for `*-usecs`, packets for `*-frames`.
  public var numbers: [CoalescingNumber: UInt32]
  public var flags: [CoalescingFlag: Bool]

  public init(numbers: [CoalescingNumber: UInt32] = [:], flags: [CoalescingFlag: Bool] = [:]) {
    self.numbers = numbers
    self.flags = flags
  }
}

/// Numeric parameters of coalescing, with ethtool's names.
public enum CoalescingNumber: String, CaseIterable, Sendable {
  case rxUsecs = "rx-usecs"
  case rxFrames = "rx-frames"
  case txUsecs = "tx-usecs"
  case txFrames = "tx-frames"
}

/// Flags of coalescing, with ethtool's names.
public enum CoalescingFlag: String, CaseIterable, Sendable {
  case adaptiveRX = "adaptive-rx"
  case adaptiveTX = "adaptive-tx"
}

/// The kernel's four bits of one feature (`ethtool -k`).
public struct Feature: Hashable, Sendable {
  /// The driver supports changing it.
  public var hardware: Bool
  public var wanted: Bool
  public var active: Bool
  /// It can never be changed.
  public var noChange: Bool

  public init(hardware: Bool, wanted: Bool, active: Bool, noChange: Bool) {
    self.hardware = hardware
    self.wanted = wanted
    self.active = active
    self.noChange = noChange
  }

  public var isFixed: Bool { !hardware || noChange }
}

/// The driver's XDP features: `enum netdev_xdp_act` (include/uapi/linux/netdev.h), since Linux 6.3.
public struct XDPFeatures: OptionSet, Hashable, Sendable {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let basic = Self(rawValue: 1)
  public static let redirect = Self(rawValue: 2)
  /// Supports being the target of a redirect: `ndo_xdp_xmit`.
  public static let ndoXmit = Self(rawValue: 4)
  public static let xskZeroCopy = Self(rawValue: 8)
  public static let hardwareOffload = Self(rawValue: 16)
  public static let rxSG = Self(rawValue: 32)
  public static let ndoXmitSG = Self(rawValue: 64)

  /// The kernel's names of the features in the set.
  public var names: [String] {
    let names = [
      "basic", "redirect", "ndo-xmit", "xsk-zerocopy", "hw-offload", "rx-sg", "ndo-xmit-sg",
    ]
    return names.indices.filter { rawValue >> UInt64($0) & 1 == 1 }.map { names[$0] }
  }
}

/// One of the interface's message-signalled interrupts.
public struct Interrupt: Hashable, Sendable {
  public let number: Int
  /// The last column of /proc/interrupts, for example `eth0-TxRx-3`; empty before the driver requests it.
  public let name: String
  /// The contents of /proc/irq/N/smp_affinity_list, for example `0-3`.
  public let affinity: String

  public init(number: Int, name: String, affinity: String) {
    self.number = number
    self.name = name
    self.affinity = affinity
  }
}

/// The operational state of RFC 2863 (`IF_OPER_*`, linux/if.h).
public enum OperationalState: UInt8, Sendable {
  case unknown = 0
  case notPresent = 1
  case down = 2
  case lowerLayerDown = 3
  case testing = 4
  case dormant = 5
  case up = 6
}

/// The current state of a network interface.
public struct InterfaceState: Hashable, Sendable {
  public var index: Int32
  public var name: String
  public var mac: MACAddress
  /// Bytes.
  public var mtu: UInt32
  public var maximumMTU: UInt32?
  /// `IFF_UP`, the administrative state.
  public var isUp: Bool
  /// `IFLA_CARRIER`: the physical link is up.
  public var hasCarrier: Bool
  /// `IFLA_CARRIER_CHANGES`, since the interface was created.
  public var carrierChanges: UInt32 = 0
  public var operationalState: OperationalState
  /// nil if it has none (`lo`).
  public var driver: String?
  /// The number of queues allocated; `channels` has the number in use.
  public var rxQueues: UInt32
  public var txQueues: UInt32
  public var addresses: [InterfaceAddress]
  /// nil if the driver does not support it (EOPNOTSUPP), as for `channels` and `coalescing`.
  public var rings: Rings?
  public var channels: Channels?
  public var coalescing: Coalescing?
  /// The keys are the kernel's names.
  public var features: [String: Feature]
  /// nil if the kernel has no `netdev` netlink family (before Linux 6.3).
  public var xdpFeatures: XDPFeatures?
  /// The maximum number of fragments of a zero-copy AF_XDP packet.
  public var xdpZeroCopyMaximumSegments: UInt32?
  public var interrupts: [Interrupt]
  /// The number of online processors.
  public var processors: Int

  public init(index: Int32, name: String, mac: MACAddress, mtu: UInt32) {
    self.index = index
    self.name = name
    self.mac = mac
    self.mtu = mtu
    isUp = false
    hasCarrier = false
    operationalState = .unknown
    rxQueues = 1
    txQueues = 1
    addresses = []
    features = [:]
    interrupts = []
    processors = 1
  }
}
