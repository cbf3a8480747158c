// The difference between an interface as it is and as its profile wants it. Pure.

/// One thing about an interface that a profile can set. Prints as the profile's key.
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
  /// `IFF_UP`. Not in the profile: an interface that is configured is also brought up, last.
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

/// What a setting is or shall be.
public enum NICValue: Hashable, Sendable, CustomStringConvertible {
  case number(UInt32)
  case flag(Bool)
  /// A list of processors (`0-3`), or a word of the profile that no number could be found for (`max`).
  case word(String)

  public var description: String {
    switch self {
    case .number(let number): String(number)
    case .flag(let on): on ? "on" : "off"
    case .word(let word): word
    }
  }
}

/// One step from the actual to the desired state.
public struct NICChange: Hashable, Sendable, CustomStringConvertible {
  public let setting: NICSetting
  /// As it is; nil when the driver does not have the thing at all.
  public let from: NICValue?
  public let to: NICValue
  /// The most the driver allows, where it says so.
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
  /// What the setting is now, and its maximum; nil for what the driver does not have.
  func value(of setting: NICSetting) -> (now: NICValue?, maximum: UInt32?) {
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
      return (interrupts.first { $0.number == number }.map { .word($0.affinity) }, nil)
    }
  }
}

/// The steps from `actual` to `desired`, in the order in which they are made: what resets the device
/// first, then what it carries, then the link, and the interrupts last because channels make them.
public func changes(from actual: InterfaceState, to desired: InterfaceProfile) -> [NICChange] {
  var changes: [NICChange] = []
  func want(_ setting: NICSetting, _ to: NICValue, _ mode: ProfileMode) {
    let (now, maximum) = actual.value(of: setting)
    guard now != to else { return }
    changes.append(NICChange(setting, from: now, to: to, maximum: maximum, mode: mode))
  }

  for setting in InterfaceProfile.quantitySettings {
    guard let wish = desired.quantities[setting] else { continue }
    let (now, maximum) = actual.value(of: setting)
    want(setting, wish.value.resolved(now: now, maximum: maximum, actual.processors), wish.mode)
  }
  for parameter in CoalescingFlag.allCases {
    guard let wish = desired.flags[.coalescingFlag(parameter)] else { continue }
    want(.coalescingFlag(parameter), .flag(wish.value), wish.mode)
  }
  for name in desired.offloadNames {
    guard let wish = desired.flags[.offload(name)] else { continue }
    want(.offload(name), .flag(wish.value), wish.mode)
  }
  if let wish = desired.addresses {
    for address in actual.addresses where !wish.value.contains(address) {
      want(.address(address), .flag(false), wish.mode)
    }
    for address in wish.value { want(.address(address), .flag(true), wish.mode) }
  }
  want(.link, .flag(true), .required)
  if let wish = desired.affinity, wish.value == .spread {
    for (number, processor) in spread(actual) {
      want(.interrupt(number), .word(String(processor)), wish.mode)
    }
  }
  return changes
}

/// Queue n's interrupts to processor n, wrapping round. Interrupts that serve no queue stay where they
/// are.
private func spread(_ interface: InterfaceState) -> [(number: Int, processor: Int)] {
  interface.interrupts.compactMap { interrupt in
    Interrupts.queue(ofInterruptNamed: interrupt.name).map {
      (interrupt.number, $0 % interface.processors)
    }
  }
}

extension Quantity {
  /// The number this means on a device with that maximum; the word itself where there is no telling.
  fileprivate func resolved(now: NICValue?, maximum: UInt32?, _ processors: Int) -> NICValue {
    switch self {
    case .exactly(let number): .number(number)
    case .max: maximum.map { .number($0) } ?? now ?? .word("max")
    case .processors: .number(min(UInt32(clamping: processors), maximum ?? .max))
    }
  }
}
