// A NIC profile: the desired settings of an interface.

/// What happens if the driver does not apply a setting.
public enum ProfileMode: String, CaseIterable, Sendable {
  /// It is an error.
  case required
  /// It is reported, and the interface is used.
  case wanted
}

/// A desired value and its mode.
public struct Desired<Value: Hashable & Sendable>: Hashable, Sendable {
  public var value: Value
  public var mode: ProfileMode

  public init(_ value: Value, _ mode: ProfileMode = .required) {
    self.value = value
    self.mode = mode
  }
}

/// A number, or how to determine one.
public enum Quantity: Hashable, Sendable {
  case exactly(UInt32)
  /// The driver's maximum: `"max"`.
  case max
  /// One for each online processor, up to the driver's maximum: `"cpus"`.
  case processors
}

/// The affinity of the NIC queues' interrupts.
public enum Affinity: String, CaseIterable, Sendable {
  /// Queue n on processor n.
  case spread
  /// Unchanged.
  case none
}

/// The desired settings of one interface. Settings that are not in it do not change.
public struct InterfaceProfile: Hashable, Sendable {
  /// Its file, for messages: a path, or `built-in igb.toml`.
  public var source: String
  /// `mtu`, `channels`, `rings`, and numbers of `coalescing`.
  public var quantities: [NICSetting: Desired<Quantity>] = [:]
  /// Flags of `coalescing`, and `offloads`.
  public var flags: [NICSetting: Desired<Bool>] = [:]
  /// The complete set of IPv4 addresses; others are removed.
  public var addresses: Desired<[InterfaceAddress]>?
  public var affinity: Desired<Affinity>?

  public init(source: String) { self.source = source }

  /// The numeric settings in the order in which to apply them: changing channels reallocates the rings.
  static let quantitySettings: [NICSetting] =
    [.mtu] + NICSetting.Channel.allCases.map { .channels($0) }
    + NICSetting.Ring.allCases.map { .rings($0) }
    + CoalescingNumber.allCases.map { .coalescing($0) }

  var offloadNames: [String] {
    flags.keys.compactMap { if case .offload(let name) = $0 { name } else { nil } }.sorted()
  }
}
