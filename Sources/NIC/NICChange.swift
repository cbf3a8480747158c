// The changes from the current state of an interface to its profile. Pure.

/// A setting of an interface. Its description is the profile's key.
public enum NICSetting: Hashable, Sendable, CustomStringConvertible {
  public enum Channel: String, CaseIterable, Sendable {
    case combined
    case rx
    case tx
  }

  public enum Ring: String, CaseIterable, Sendable {
    case rx
    case tx
  }

  case mtu
  case channels(Channel)
  case rings(Ring)
  case coalescing(CoalescingNumber)
  case coalescingFlag(CoalescingFlag)
  case offload(String)
  case address(InterfaceAddress)
  /// `IFF_UP`. Not in profiles: every configured interface is brought up.
  case link
  /// The affinity of the interrupt with this number.
  case interrupt(Int)

  public var description: String {
    switch self {
    case .mtu: "mtu"
    case .channels(let kind): "channels.\(kind.rawValue)"
    case .rings(let kind): "rings.\(kind.rawValue)"
    case .coalescing(let parameter): "coalescing.\(parameter.rawValue)"
    case .coalescingFlag(let parameter): "coalescing.\(parameter.rawValue)"
    case .offload(let name): "offloads.\(name)"
    case .address(let address): "address \(address)"
    case .link: "link"
    case .interrupt(let number): "irq \(number)"
    }
  }
}

/// A current or desired value.
public enum NICValue: Hashable, Sendable, CustomStringConvertible {
  case number(UInt32)
  case flag(Bool)
  /// A CPU list (`0-3`), or `max` if the driver reports no maximum.
  case text(String)

  public var description: String {
    switch self {
    case .number(let number): String(number)
    case .flag(let on): on ? "on" : "off"
    case .text(let text): text
    }
  }
}

/// One change from the current to the desired state.
public struct NICChange: Hashable, Sendable, CustomStringConvertible {
  public let setting: NICSetting
  /// The current value; nil if the driver does not support the setting.
  public let from: NICValue?
  public let to: NICValue
  /// The driver's maximum, if it reports one.
  public let maximum: UInt32?
  public let mode: ProfileMode

  public init(
    _ setting: NICSetting, from: NICValue?, to: NICValue, maximum: UInt32? = nil,
    mode: ProfileMode = .required
  ) {
    self.setting = setting
    self.from = from
    self.to = to
    self.maximum = maximum
    self.mode = mode
  }

  /// For example `rings.rx: 256 -> 4096 (required)`.
  public var description: String {
    let limit = maximum.map { ", maximum \($0)" } ?? ""
    return "\(setting): \(from.map { "\($0)" } ?? "none") -> \(to) (\(mode.rawValue)\(limit))"
  }
}

extension InterfaceState {
  /// Returns the current value of a setting and its maximum. The value is nil if the driver does not support it.
  func value(of setting: NICSetting) -> (current: NICValue?, maximum: UInt32?) {
    func bounded(_ bounded: Bounded?) -> (NICValue?, UInt32?) {
      (bounded.map { .number($0.current) }, bounded?.maximum)
    }
    switch setting {
    case .mtu: return (.number(mtu), maximumMTU)
    case .channels(.combined): return bounded(channels?.combined)
    case .channels(.rx): return bounded(channels?.rx)
    case .channels(.tx): return bounded(channels?.tx)
    case .rings(.rx): return bounded(rings?.rx)
    case .rings(.tx): return bounded(rings?.tx)
    case .coalescing(let parameter):
      return (coalescing?.numbers[parameter].map { .number($0) }, nil)
    case .coalescingFlag(let parameter):
      return (coalescing?.flags[parameter].map { .flag($0) }, nil)
    case .offload(let name): return (features[name].map { .flag($0.active) }, nil)
    case .address(let address): return (.flag(addresses.contains(address)), nil)
    case .link: return (.flag(isUp), nil)
    case .interrupt(let number):
      return (interrupts.first { $0.number == number }.map { .text($0.affinity) }, nil)
    }
  }
}

/// Returns the changes from `actual` to `desired` in the order in which to make them: settings that reset the device
/// first, then addresses, then the link, and last the interrupts, because changing channels creates new ones.
public func changes(from actual: InterfaceState, to desired: InterfaceProfile) -> [NICChange] {
  var changes: [NICChange] = []
  func add(_ setting: NICSetting, _ value: NICValue, _ mode: ProfileMode) {
    let (current, maximum) = actual.value(of: setting)
    guard current != value else { return }
    changes.append(NICChange(setting, from: current, to: value, maximum: maximum, mode: mode))
  }

  for setting in InterfaceProfile.quantitySettings {
    guard let entry = desired.quantities[setting] else { continue }
    let (current, maximum) = actual.value(of: setting)
    add(
      setting, entry.value.resolved(current: current, maximum: maximum, actual.processors), entry.mode)
  }
  for parameter in CoalescingFlag.allCases {
    guard let entry = desired.flags[.coalescingFlag(parameter)] else { continue }
    add(.coalescingFlag(parameter), .flag(entry.value), entry.mode)
  }
  for name in desired.offloadNames {
    guard let entry = desired.flags[.offload(name)] else { continue }
    add(.offload(name), .flag(entry.value), entry.mode)
  }
  if let entry = desired.addresses {
    for address in actual.addresses where !entry.value.contains(address) {
      add(.address(address), .flag(false), entry.mode)
    }
    for address in entry.value { add(.address(address), .flag(true), entry.mode) }
  }
  add(.link, .flag(true), .required)
  if let entry = desired.affinity, entry.value == .spread {
    for (number, processor) in spread(actual) {
      add(.interrupt(number), .text(String(processor)), entry.mode)
    }
  }
  return changes
}

/// Returns processor n, modulo the number of processors, for each interrupt of queue n. Leaves out interrupts that serve
/// no queue.
private func spread(_ interface: InterfaceState) -> [(number: Int, processor: Int)] {
  interface.interrupts.compactMap { interrupt in
    Interrupts.queue(ofInterruptNamed: interrupt.name).map {
      (interrupt.number, $0 % interface.processors)
    }
  }
}

extension Quantity {
  /// Returns the number for a device with this maximum. If `max` is unknown, returns the current value, or else `max`.
  fileprivate func resolved(current: NICValue?, maximum: UInt32?, _ processors: Int) -> NICValue {
    switch self {
    case .exactly(let number): .number(number)
    case .max: maximum.map { .number($0) } ?? current ?? .text("max")
    case .processors: .number(min(UInt32(clamping: processors), maximum ?? .max))
    }
  }
}
