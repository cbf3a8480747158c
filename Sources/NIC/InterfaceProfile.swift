// An interface as its owner wants it: the desired state.

/// What follows when the driver will not.
public enum ProfileMode: String, CaseIterable, Sendable {
  /// The interface is not used.
  case required
  /// It is reported, and the scan goes on.
  case wanted
}

/// A value of the profile and how much it matters.
public struct Desired<Value: Hashable & Sendable>: Hashable, Sendable {
  public var value: Value
  public var mode: ProfileMode

  public init(_ value: Value, _ mode: ProfileMode = .required) {
    self.value = value
    self.mode = mode
  }
}

/// A number, or a word for one.
public enum Quantity: Hashable, Sendable {
  case exactly(UInt32)
  /// As much as the driver allows.
  case max
  /// One for each processor online, within what the driver allows.
  case processors
}

/// What to do with the interrupts of the queues.
public enum Affinity: String, CaseIterable, Sendable {
  /// Queue n to processor n.
  case spread
  /// Leave them.
  case none
}

/// The desired state of one interface; what it does not name is left alone.
public struct InterfaceProfile: Hashable, Sendable {
  /// Where it came from, for messages: a path, or `built-in igb.toml`.
  public var source: String
  /// `mtu`, `channels`, `rings`, `coalescing` numbers.
  public var quantities: [NICSetting: Desired<Quantity>] = [:]
  /// `coalescing` flags and `offloads`.
  public var flags: [NICSetting: Desired<Bool>] = [:]
  /// All IPv4 addresses the interface shall have: others are taken away.
  public var addresses: Desired<[InterfaceAddress]>?
  public var affinity: Desired<Affinity>?

  public init(source: String) { self.source = source }

  /// The numeric settings in the order in which they are made: changing channels rebuilds the rings.
  static let quantitySettings: [NICSetting] =
    [.mtu] + NICSetting.Channel.allCases.map { .channels($0) }
    + NICSetting.Ring.allCases.map { .rings($0) }
    + CoalescingNumber.allCases.map { .coalescing($0) }

  var offloadNames: [String] {
    flags.keys.compactMap { if case .offload(let name) = $0 { name } else { nil } }.sorted()
  }
}
