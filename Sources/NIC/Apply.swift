// Making the actual state the desired one, and looking whether it became so.
import Kernel

/// What a driver did not do of what was `wanted`.
public struct Deviation: Hashable, Sendable, CustomStringConvertible {
  /// The step that is still open: `from` is what it is now.
  public let change: NICChange
  /// The kernel's or driver's words, where it said something.
  public let reason: String?

  /// For example `rings.rx: 256 -> 4096 (wanted): not supported`.
  public var description: String { "\(change): \(reason ?? change.unspokenReason)" }
}

/// What applying a profile came to.
public struct ApplyReport: Hashable, Sendable {
  /// The steps that were taken.
  public let changes: [NICChange]
  /// `wanted` steps that are still open afterwards. A `required` one is an error instead.
  public let deviations: [Deviation]
  /// The interface as it is now.
  public let state: InterfaceState
}

extension NetworkControl {
  /// Brings an interface, which is in the state `before`, to the one `profile` wants and reads it back: a driver may round, take
  /// less, or refuse.
  ///
  /// The link stays up if it was: all drivers of this product change rings and channels that way. Needs
  /// CAP_NET_ADMIN. Throws a `Fault` when a required value is not what it was set to.
  ///
  /// - Parameter bringsUp: whether the link, if it is down, is brought up at the end. Some drivers have their interrupts
  ///   only then.
  public func apply(
    _ profile: InterfaceProfile, to before: InterfaceState, bringsUp: Bool = true
  ) throws(Fault) -> ApplyReport {
    let name = before.name
    func changes(from state: InterfaceState) -> [NICChange] {
      NIC.changes(from: state, to: profile).filter { bringsUp || $0.setting != .link }
    }
    let steps = changes(from: before)
    // What the driver cannot have is known before anything is touched.
    if let hopeless = steps.first(where: { $0.from == nil && $0.mode == .required }) {
      throw hopeless.fault(on: name, profile: profile, refusal: nil)
    }
    var refusals: [NICSetting: NetlinkError] = [:]
    for group in grouped(steps) {
      try send(group, before, profile, &refusals)
    }

    // Channels make interrupts, so these are looked at only now.
    let configured = steps.isEmpty ? before : try state(of: name)
    let moves = changes(from: configured).filter(\.isInterrupt)
    move(moves, &refusals)

    let after = moves.isEmpty ? configured : try state(of: name)
    return try report(
      steps.filter { !$0.isInterrupt } + moves, changes(from: after), after, profile, refusals)
  }

  /// Moves an interface's interrupts, and nothing else, to where `profile` wants them: for drivers that have none until
  /// the link is brought up. Throws as `apply` does.
  public func applyInterrupts(_ profile: InterfaceProfile, to interface: InterfaceState) throws(Fault)
    -> ApplyReport
  {
    let moves = changes(from: interface, to: profile).filter(\.isInterrupt)
    var refusals: [NICSetting: NetlinkError] = [:]
    move(moves, &refusals)
    let after = moves.isEmpty ? interface : try state(of: interface.name)
    return try report(
      moves, changes(from: after, to: profile).filter(\.isInterrupt), after, profile, refusals)
  }

  private func move(_ interrupts: [NICChange], _ refusals: inout [NICSetting: NetlinkError]) {
    for change in interrupts {
      guard case .interrupt(let number) = change.setting else { continue }
      do throws(Errno) {
        try Interrupts.setAffinity(of: number, to: "\(change.to)")
      } catch {
        refusals[change.setting] = .refused(error, reason: nil)
      }
    }
  }

  /// - Parameters:
  ///   - done: the steps that were taken.
  ///   - open: those that are there still; a required one is thrown.
  private func report(
    _ done: [NICChange], _ open: [NICChange], _ state: InterfaceState, _ profile: InterfaceProfile,
    _ refusals: [NICSetting: NetlinkError]
  ) throws(Fault) -> ApplyReport {
    if let failed = open.first(where: { $0.mode == .required }) {
      throw failed.fault(on: state.name, profile: profile, refusal: refusals[failed.setting])
    }
    return ApplyReport(
      changes: done,
      deviations: open.map { Deviation(change: $0, reason: refusals[$0.setting]?.description) },
      state: state)
  }

  /// Sends one group of steps. A driver takes or refuses a message as a whole, so after a refusal each
  /// step goes alone, and the refusal is noted at the step that earned it; a required one ends it all.
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

/// The steps that go into one message each, in order. What the driver does not have is left out: the
/// comparison afterwards finds it still missing.
private func grouped(_ steps: [NICChange]) -> [[NICChange]] {
  var groups: [[NICChange]] = []
  for step in steps where step.from != nil && !step.isInterrupt {
    if let last = groups.last?[0], let message = step.setting.message, last.setting.message == message {
      groups[groups.count - 1].append(step)
    } else {
      groups.append([step])
    }
  }
  return groups
}

extension NICSetting {
  /// Settings with the same number travel in one message; nil travels alone.
  fileprivate var message: Int? {
    switch self {
    case .channels: 1
    case .rings: 2
    case .coalescing: 3
    case .offload: 4
    case .mtu, .coalescingFlag, .address, .link, .interrupt: nil
    }
  }

  /// The netlink attribute that carries the number.
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
  /// What goes into the message. A wanted number beyond the driver's maximum is asked for as the maximum;
  /// a required one as it is, so that the driver's own refusal is what the operator reads.
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

  /// Why it did not happen, when the kernel accepted the request or was not asked.
  var unspokenReason: String {
    guard let from else { return "the driver does not have it" }
    if let maximum, case .number(let number) = to, number > maximum {
      return "the driver allows \(maximum) at most"
    }
    return "the driver left it at \(from)"
  }

  func fault(on interface: String, profile: InterfaceProfile, refusal: NetlinkError?) -> Fault {
    let what = "cannot set \(setting) of \(interface) to \(to)"
    var advice = "Change it in \(profile.source), or mark it there as mode = \"wanted\""
    if let maximum, case .number = to { advice = "At most \(maximum) is possible. " + advice }
    if refusal?.errno?.symbol == "EBUSY" {
      advice =
        "The driver may want the link down: `ip link set \(interface) down`, then again. " + advice
    }
    guard let refusal else { return Fault(what, detail: unspokenReason, remedy: advice) }
    return refusal.fault(what, remedy: advice)
  }
}
