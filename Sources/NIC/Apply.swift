// Applies a profile to an interface and reads the result back.
import Kernel

/// A `wanted` setting that the driver did not apply.
public struct Deviation: Hashable, Sendable, CustomStringConvertible {
  /// The remaining change; `from` is the current value.
  public let change: NICChange
  /// The error of the kernel or driver, if it reported one.
  public let reason: String?

  /// For example `rings.rx: 256 -> 4096 (wanted): not supported`.
  public var description: String { "\(change): \(reason ?? change.inferredReason)" }
}

/// The result of applying a profile.
public struct ApplyReport: Hashable, Sendable {
  /// The changes that were made.
  public let changes: [NICChange]
  /// `wanted` settings that still differ. A `required` one is an error instead.
  public let deviations: [Deviation]
  /// The state of the interface afterwards.
  public let state: InterfaceState
}

extension NetworkControl {
  /// Applies a profile to an interface and reads the state back, because drivers round values or refuse them.
  ///
  /// Needs CAP_NET_ADMIN. If the link is up, it stays up: all supported drivers can change rings and channels then.
  /// Throws a `Fault` if a required setting has another value afterwards.
  ///
  /// - Parameters:
  ///   - before: The current state of the interface.
  ///   - bringsUp: Whether to bring the link up at the end. Some drivers request their interrupts only then.
  public func apply(
    _ profile: InterfaceProfile, to before: InterfaceState, bringsUp: Bool = true
  ) throws(Fault) -> ApplyReport {
    let name = before.name
    func changes(from state: InterfaceState) -> [NICChange] {
      NIC.changes(from: state, to: profile).filter { bringsUp || $0.setting != .link }
    }
    let planned = changes(from: before)
    // Fails before changing anything if the driver does not support a required setting.
    if let unsupported = planned.first(where: { $0.from == nil && $0.mode == .required }) {
      throw unsupported.fault(on: name, profile: profile, refusal: nil)
    }
    var refusals: [NICSetting: NetlinkError] = [:]
    for group in grouped(planned) {
      try send(group, before, profile, &refusals)
    }

    // Changing channels creates new interrupts, so affinities come last.
    let configured = planned.isEmpty ? before : try state(of: name)
    let affinities = changes(from: configured).filter(\.isInterrupt)
    setAffinities(affinities, &refusals)

    let after = affinities.isEmpty ? configured : try state(of: name)
    return try report(
      made: planned.filter { !$0.isInterrupt } + affinities, remaining: changes(from: after), after,
      profile, refusals)
  }

  /// Applies only the interrupt affinity of a profile, for drivers that have no interrupts until the link is up. Throws
  /// as `apply` does.
  public func applyInterrupts(_ profile: InterfaceProfile, to interface: InterfaceState) throws(Fault)
    -> ApplyReport
  {
    let affinities = changes(from: interface, to: profile).filter(\.isInterrupt)
    var refusals: [NICSetting: NetlinkError] = [:]
    setAffinities(affinities, &refusals)
    let after = affinities.isEmpty ? interface : try state(of: interface.name)
    return try report(
      made: affinities, remaining: changes(from: after, to: profile).filter(\.isInterrupt), after,
      profile, refusals)
  }

  private func setAffinities(
    _ changes: [NICChange], _ refusals: inout [NICSetting: NetlinkError]
  ) {
    for change in changes {
      guard case .interrupt(let number) = change.setting else { continue }
      do throws(Errno) {
        try Interrupts.setAffinity(of: number, to: "\(change.to)")
      } catch {
        refusals[change.setting] = .refused(error, reason: nil)
      }
    }
  }

  /// Returns the report. Throws a `Fault` if a required change remains.
  private func report(
    made: [NICChange], remaining: [NICChange], _ state: InterfaceState, _ profile: InterfaceProfile,
    _ refusals: [NICSetting: NetlinkError]
  ) throws(Fault) -> ApplyReport {
    if let failed = remaining.first(where: { $0.mode == .required }) {
      throw failed.fault(on: state.name, profile: profile, refusal: refusals[failed.setting])
    }
    return ApplyReport(
      changes: made,
      deviations: remaining.map { Deviation(change: $0, reason: refusals[$0.setting]?.description) },
      state: state)
  }

  /// Sends one group of changes. A driver accepts or refuses a message as a whole, so after a refusal each change is
  /// sent alone, to find out which one is refused. Throws a `Fault` if that is a required one.
  private func send(
    _ group: [NICChange], _ interface: InterfaceState, _ profile: InterfaceProfile,
    _ refusals: inout [NICSetting: NetlinkError]
  ) throws(Fault) {
    do throws(NetlinkError) {
      try perform(group, interface)
    } catch {
      if error.errno == .notPermitted {
        throw error.fault(
          "cannot configure \(interface.name)", remedy: "Run as root, or with CAP_NET_ADMIN")
      }
      if group.count > 1 {
        for change in group { try send([change], interface, profile, &refusals) }
      } else if group[0].mode == .required {
        throw group[0].fault(on: interface.name, profile: profile, refusal: error)
      } else {
        refusals[group[0].setting] = error
      }
    }
  }

  private func perform(_ group: [NICChange], _ interface: InterfaceState) throws(NetlinkError) {
    let index = interface.index
    switch group[0].setting {
    case .mtu:
      for (_, value) in group.numbers { try setMTU(index, to: value) }
    case .channels:
      try setNumbers(ETHTOOL_MSG_CHANNELS_SET, index, group.numbers)
    case .rings:
      try setNumbers(ETHTOOL_MSG_RINGS_SET, index, group.numbers)
    case .coalescing:
      try setNumbers(ETHTOOL_MSG_COALESCE_SET, index, group.numbers)
    case .coalescingFlag(let parameter):
      for on in group.map({ $0.to == .flag(true) }) {
        try setFlag(ETHTOOL_MSG_COALESCE_SET, index, parameter.attribute, to: on)
      }
    case .offload:
      try setFeatures(
        index,
        group.compactMap { change in
          guard case .offload(let name) = change.setting else { return nil }
          return (name, change.to == .flag(true))
        })
    case .address(let address):
      if group[0].to == .flag(true) {
        try addAddress(address, to: index)
      } else {
        try removeAddress(address, from: index)
      }
    case .link:
      try setLink(index, up: group[0].to == .flag(true))
    case .interrupt:
      break
    }
  }
}

/// Returns the changes, in order, grouped by message. Leaves out what the driver does not support; the comparison
/// afterwards reports it.
private func grouped(_ changes: [NICChange]) -> [[NICChange]] {
  var groups: [[NICChange]] = []
  for change in changes where change.from != nil && !change.isInterrupt {
    if let last = groups.last?[0], let message = change.setting.message,
      last.setting.message == message
    {
      groups[groups.count - 1].append(change)
    } else {
      groups.append([change])
    }
  }
  return groups
}

extension NICSetting {
  /// Settings with the same number go into one message; a setting without a number goes alone.
  fileprivate var message: Int? {
    switch self {
    case .channels: 1
    case .rings: 2
    case .coalescing: 3
    case .offload: 4
    case .mtu, .coalescingFlag, .address, .link, .interrupt: nil
    }
  }

  /// The netlink attribute of a numeric setting.
  fileprivate var attribute: UInt16? {
    switch self {
    case .channels(.combined): ETHTOOL_A_CHANNELS_COMBINED_COUNT
    case .channels(.rx): ETHTOOL_A_CHANNELS_RX_COUNT
    case .channels(.tx): ETHTOOL_A_CHANNELS_TX_COUNT
    case .rings(.rx): ETHTOOL_A_RINGS_RX
    case .rings(.tx): ETHTOOL_A_RINGS_TX
    case .coalescing(let parameter): parameter.attribute
    case .mtu: IFLA_MTU
    default: nil
    }
  }
}

extension [NICChange] {
  /// The attributes of the message. A wanted number is limited to the driver's maximum. A required one is not, so that
  /// the operator gets the driver's own error.
  fileprivate var numbers: [(attribute: UInt16, value: UInt32)] {
    compactMap { change in
      guard case .number(let number) = change.to, let attribute = change.setting.attribute else {
        return nil
      }
      return (attribute, change.mode == .wanted ? Swift.min(number, change.maximum ?? number) : number)
    }
  }
}

extension NICChange {
  var isInterrupt: Bool {
    if case .interrupt = setting { true } else { false }
  }

  /// Why the change was not made although the kernel reported no error.
  var inferredReason: String {
    guard let from else { return "the driver does not support it" }
    if let maximum, case .number(let number) = to, number > maximum {
      return "the driver's maximum is \(maximum)"
    }
    return "the driver kept \(from)"
  }

  func fault(on interface: String, profile: InterfaceProfile, refusal: NetlinkError?) -> Fault {
    let what = "cannot set \(setting) of \(interface) to \(to)"
    var remedy = "Change it in \(profile.source), or set mode = \"wanted\" there"
    if let maximum, case .number = to { remedy = "The maximum is \(maximum). " + remedy }
    if refusal?.errno?.symbol == "EBUSY" {
      remedy =
        "The driver may need the link down: `ip link set \(interface) down`, then try again. " + remedy
    }
    guard let refusal else { return Fault(what, detail: inferredReason, remedy: remedy) }
    return refusal.fault(what, remedy: remedy)
  }
}
