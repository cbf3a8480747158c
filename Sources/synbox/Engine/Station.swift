// The opened box: everything that needs privilege to open and none to use.
import Datapath
import Kernel
import NIC
import Plan
import Scan
import Wire

/// The interface with its program attached and its rings open. Opened once, before the drop; used by one
/// scan after another.
final class Station {
  let settings: StationSettings
  let interface: InterfaceState
  let control: NetworkControl
  let resolver: AddressResolver
  let receiver: any Receiver
  let transmitters: [any Transmitter]
  /// In ascending order; an entry's `source` is an index into these.
  let sources: [IPv4Address]
  /// Sources that are not this host's addresses: nobody answers ARP for them here.
  let foreignSources: [IPv4Address]
  /// Why the modes are these, where they were left to us.
  let modeReason: String?

  /// What becomes of an interface that is down still.
  struct BringUp {
    /// Of the default route.
    var gateway: IPv4Address?
  }

  /// Opens in the only order that works: the program is attached before AF_XDP sockets are bound, and
  /// attaching resets some NICs' links, so the carrier is awaited in between.
  ///
  /// - Parameter bringUp: the interface is brought up: after the program is attached where its driver takes it, so that
  ///   the link is negotiated once, else before.
  init(_ settings: StationSettings, bringUp: BringUp? = nil) throws(Fault) {
    // AF_XDP memory is locked; where the limit cannot be raised, binding will say so.
    raiseMemoryLockLimit()
    let control = try NetworkControl()
    // The carrier may be on its way: PID 1 has only just brought the link up, or whoever was here before has just
    // detached a program. It is awaited once, after ours is attached.
    let found = try control.state(of: settings.interface)
    // Packet capture wants a link that is up.
    let attachesFirst =
      settings.receive != .packet && found.xdpFeatures?.contains(.basic) == true
    if let bringUp, !attachesFirst { try control.bringUp(found.name, gateway: bringUp.gateway) }
    if bringUp == nil, !found.isUp { try found.requireCarrier() }
    let sources = try Self.sources(settings, found, control)
    var locals: Set<IPv4Address> = []
    for source in sources where try control.isLocal(source) { locals.insert(source) }
    let candidates = TransmitCandidates(settings, found)
    let receiver = try openReceiver(
      ReceiveSettings(
        interface: found.index, interfaceName: found.name, sources: sources,
        localSources: locals, ports: settings.sourcePorts,
        reset: Self.resetMethod(settings, found, candidates),
        reportClosed: settings.report != .open, reportICMP: settings.report == .all,
        generator: candidates.modes.contains(.generator),
        partialChecksums: found.isVirtualLink, ringBytes: (settings.eventRing ?? .standard).bytes),
      mode: settings.receive.mode)
    if settings.eventRing != nil, receiver.mode == .packet {
      throw Fault(
        "packet capture has no event ring to be sized", detail: receiver.reason,
        remedy: "Leave --event-ring out, or receive by XDP")
    }
    if let bringUp, attachesFirst { try control.bringUp(found.name, gateway: bringUp.gateway) }
    let ready = try control.waitForCarrier(of: found.name, milliseconds: 10_000)
    let opened = try candidates.open(
      TransmitContext(
        settings: settings, interface: ready, receiver: receiver, sources: sources.count), control)

    self.settings = settings
    self.control = control
    self.sources = sources
    foreignSources = sources.filter { !locals.contains($0) }
    self.receiver = receiver
    interface = ready
    transmitters = opened.transmitters
    let reasons = [receiver.reason, opened.reason].compactMap(\.self)
    modeReason = reasons.isEmpty ? nil : reasons.joined(separator: "; ")
    resolver = try AddressResolver(ready)
  }

  private static func sources(
    _ settings: StationSettings, _ interface: InterfaceState, _ control: borrowing NetworkControl
  ) throws(Fault) -> [IPv4Address] {
    if settings.sources.isEmpty {
      guard let own = interface.addresses.first else {
        throw Fault(
          "\(interface.name) has no IPv4 address to send from",
          remedy:
            "Give it one (`ip address add ADDRESS/LENGTH dev \(interface.name)`) or name one with -S")
      }
      return [own.address]
    }
    guard settings.sources.count <= 65_536 else {
      throw Fault(
        "\(settings.sources.count) source addresses are too many",
        remedy: "Name at most 65536 with -S")
    }
    return settings.sources.ranges.flatMap { range in
      (range.first...range.last).map { IPv4Address($0) }
    }
  }

  /// In place where that loses nothing, else through the transmitter (docs/design/receive.md).
  private static func resetMethod(
    _ settings: StationSettings, _ interface: InterfaceState, _ candidates: TransmitCandidates
  ) -> ResetMethod {
    guard settings.sendsResets else { return .none }
    switch settings.reset {
    case .inPlace: return .inPlace
    case .transmitter: return .transmitter
    case .auto: break
    }
    // A zero-copy socket, like the generator, keeps the ring full that XDP_TX needs. And veth delivers what XDP_TX sends only
    // while its peer holds an XDP program, which cannot be seen from here: the frames would wait in the
    // peer's ring, unseen and uncounted.
    let fillsRing = candidates.modes.first == .xdpZeroCopy || candidates.modes.first == .generator
    return fillsRing || interface.driver == "veth" ? .transmitter : .inPlace
  }

  /// One line on what was chosen.
  var modeLine: String {
    let transmit = transmitters.map { "\($0.mode.rawValue):\($0.queue)" }.joined(separator: ",")
    let reason = modeReason.map { " (\($0))" } ?? ""
    return "\(interface.name): transmit \(transmit), receive \(receiver.mode.rawValue), "
      + "RST \(resetMode)\(reason)"
  }

  /// Which TCP checksums the receiver accepts, as the summary names it.
  var checksumMode: String {
    let mode: Summary.ChecksumMode = receiver.acceptsPartialChecksums ? .fullOrPartial : .full
    return mode.rawValue
  }

  /// How RSTs are sent, as the summary names it.
  var resetMode: String {
    let mode: Summary.RSTMode =
      switch receiver.reset {
      case .none: .none
      case .inPlace: .inPlace
      case .transmitter: receiver.mode == .packet ? .kernelOrTransmitter : .transmitter
      }
    return mode.rawValue
  }
}
