// A network interface as the kernel describes it: the actual state.
import Kernel
import Wire

/// An interface's own IPv4 address with its network's prefix length.
public struct InterfaceAddress: Hashable, Comparable, Sendable, CustomStringConvertible {
  public var address: IPv4Address
  /// 0 to 32.
  public var prefixLength: UInt8

  public init(_ address: IPv4Address, prefixLength: UInt8) {
    precondition(prefixLength <= 32, "an IPv4 prefix has at most 32 bits")
    self.address = address
    self.prefixLength = prefixLength
  }

  /// `a.b.c.d/len`; nil for anything else.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let address = IPv4Address(parts[0]), let length = UInt8(decimal: parts[1]),
      length <= 32
    else { return nil }
    self.init(address, prefixLength: length)
  }

  /// The network mask in host order.
  public var mask: UInt32 { prefixLength == 0 ? 0 : ~0 << (32 - UInt32(prefixLength)) }

  /// Whether `other` lies in this address's network.
  public func contains(_ other: IPv4Address) -> Bool {
    (other.value ^ address.value) & mask == 0
  }

  public static func < (a: Self, b: Self) -> Bool {
    (a.address, a.prefixLength) < (b.address, b.prefixLength)
  }

  public var description: String { "\(address)/\(prefixLength)" }
}

/// Something counted, as it is and as the driver's limit has it.
public struct Bounded: Hashable, Sendable {
  public var current: UInt32
  /// nil when the driver names none.
  public var maximum: UInt32?

  public init(_ current: UInt32, maximum: UInt32?) {
    self.current = current
    self.maximum = maximum
  }
}

/// Descriptors in each hardware ring (ethtool -g).
public struct Rings: Hashable, Sendable {
  public var rx: Bounded?
  public var tx: Bounded?

  public init(rx: Bounded?, tx: Bounded?) {
    self.rx = rx
    self.tx = tx
  }
}

/// Queues by kind (ethtool -l); nil for a kind the driver does not have.
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

/// Interrupt moderation (ethtool -c); nil for what the driver does not have.
public struct Coalescing: Hashable, Sendable {
  /// Numbers by parameter: microseconds for `…-usecs`, packets for `…-frames`.
  public var numbers: [CoalescingNumber: UInt32]
  public var flags: [CoalescingFlag: Bool]

  public init(numbers: [CoalescingNumber: UInt32] = [:], flags: [CoalescingFlag: Bool] = [:]) {
    self.numbers = numbers
    self.flags = flags
  }
}

/// ethtool's names.
public enum CoalescingNumber: String, CaseIterable, Sendable {
  case rxUsecs = "rx-usecs"
  case rxFrames = "rx-frames"
  case txUsecs = "tx-usecs"
  case txFrames = "tx-frames"
}

/// ethtool's names.
public enum CoalescingFlag: String, CaseIterable, Sendable {
  case adaptiveRX = "adaptive-rx"
  case adaptiveTX = "adaptive-tx"
}

/// One offload (ethtool -k), all four bits the kernel keeps of it.
public struct Feature: Hashable, Sendable {
  /// The driver lets user space change it.
  public var hardware: Bool
  public var wanted: Bool
  public var active: Bool
  /// No one can change it.
  public var noChange: Bool

  public init(hardware: Bool, wanted: Bool, active: Bool, noChange: Bool) {
    self.hardware = hardware
    self.wanted = wanted
    self.active = active
    self.noChange = noChange
  }

  public var isFixed: Bool { !hardware || noChange }
}

/// What the driver can do with XDP: `enum netdev_xdp_act`, include/uapi/linux/netdev.h, Linux 6.3.
public struct XDPFeatures: OptionSet, Hashable, Sendable {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let basic = Self(rawValue: 1)
  public static let redirect = Self(rawValue: 2)
  /// Frames can be redirected to it: `ndo_xdp_xmit`.
  public static let ndoXmit = Self(rawValue: 4)
  public static let xskZeroCopy = Self(rawValue: 8)
  public static let hardwareOffload = Self(rawValue: 16)
  public static let rxSG = Self(rawValue: 32)
  public static let ndoXmitSG = Self(rawValue: 64)

  /// The kernel's names of the set bits.
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
  /// As in the last column of /proc/interrupts, for example `eth0-TxRx-3`; empty before it is requested.
  public let name: String
  /// /proc/irq/N/smp_affinity_list, for example `0-3`.
  public let affinity: String

  public init(number: Int, name: String, affinity: String) {
    self.number = number
    self.name = name
    self.affinity = affinity
  }
}

/// RFC 2863 ifOperStatus as the kernel has it (`IF_OPER_`, linux/if.h).
public enum OperationalState: UInt8, Sendable {
  case unknown = 0
  case notPresent = 1
  case down = 2
  case lowerLayerDown = 3
  case testing = 4
  case dormant = 5
  case up = 6
}

/// A network interface as it is now.
public struct InterfaceState: Hashable, Sendable {
  public var index: Int32
  public var name: String
  public var mac: MACAddress
  /// Bytes of an IP packet.
  public var mtu: UInt32
  public var maximumMTU: UInt32?
  /// `IFF_UP`: an administrator's wish.
  public var isUp: Bool
  /// Light or voltage on the wire.
  public var hasCarrier: Bool
  /// How often it came or went since the interface was made.
  public var carrierChanges: UInt32 = 0
  public var operationalState: OperationalState
  /// nil for one without (`lo`).
  public var driver: String?
  /// Queues the device was made with; `channels` says how many are used.
  public var rxQueues: UInt32
  public var txQueues: UInt32
  public var addresses: [InterfaceAddress]
  /// nil where the driver has none (EOPNOTSUPP); so for the next two.
  public var rings: Rings?
  public var channels: Channels?
  public var coalescing: Coalescing?
  /// By the kernel's names.
  public var features: [String: Feature]
  /// nil when the kernel has no `netdev` netlink family (before 6.3).
  public var xdpFeatures: XDPFeatures?
  /// Fragments a zero-copy AF_XDP packet may have.
  public var xdpZeroCopyMaximumSegments: UInt32?
  public var interrupts: [Interrupt]
  /// Processors online.
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
