// The opened data path of a box: what needs privilege to open, and none to use.
import Datapath
import Kernel
import NIC
import Plan
import Scan
import Wire

/// An interface with the receive program attached and its rings and sockets open. Opened once, before the drop, and
/// used by one scan after another.
package final class Station {
  package let settings: StationSettings
  package let interface: InterfaceState
  package let control: NetworkControl
  package let resolver: AddressResolver
  package let receiver: any Receiver
  package let transmitters: [any Transmitter]
  /// Source addresses in ascending order; an entry's `source` is an index into them.
  package let sources: [IPv4Address]
  /// Source addresses that are not this host's, which therefore does not reply to ARP for them.
  package let foreignSources: [IPv4Address]
  /// The gateway that left the last question of `gatewayMAC(_:from:)` unanswered, and CLOCK_MONOTONIC in nanoseconds when
  /// it was asked.
  var silentGateway: (address: IPv4Address, time: UInt64)?
  /// Why these modes were chosen; nil if they were requested.
  package let modeReason: String?

  /// How to bring the interface up.
  package struct BringUp {
    /// The default route's gateway; nil for no default route.
    var gateway: IPv4Address?

    package init(gateway: IPv4Address?) { self.gateway = gateway }
  }

  /// Opens the data path.
  ///
  /// The receive program must be attached before AF_XDP sockets are bound, and attaching it resets the link of some
  /// NICs, so this waits for the carrier in between.
  ///
  /// - Parameter bringUp: Brings the interface up: after the program is attached if the driver has native XDP, so
  ///   that the link is negotiated once; before otherwise. nil if the interface is up.
  package init(_ settings: StationSettings, bringUp: BringUp? = nil) throws(Fault) {
    // AF_XDP memory is locked. If the limit cannot be raised, binding reports it.
    raiseMemoryLockLimit()
    let control = try NetworkControl()
    // There may be no carrier yet, because PID 1 has just brought the link up, or an earlier process has just
    // detached its program. The wait for it comes after the program is attached.
    let found = try control.state(of: settings.interface)
    // Packet capture needs a link that is up.
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
        localSources: locals, ports: settings.sourcePorts, slots: settings.slots,
        reset: Self.resetMethod(settings, found, candidates),
        reportClosed: settings.report != .open, reportICMP: settings.report == .all,
        generator: candidates.modes.contains(.generator),
        partialChecksums: found.isVirtualLink, ringBytes: (settings.eventRing ?? .standard).bytes),
      mode: settings.receive.mode)
    if settings.eventRing != nil, receiver.mode == .packet {
      throw Fault(
        "packet capture has no event ring", detail: receiver.reason,
        remedy: "Drop --event-ring, or receive by XDP")
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
            "Assign one (`ip address add ADDRESS/LENGTH dev \(interface.name)`), or give one with -S")
      }
      return [own.address]
    }
    guard settings.sources.count <= 65_536 else {
      throw Fault(
        "\(settings.sources.count) source addresses exceed the limit of 65536",
        remedy: "Give fewer with -S")
    }
    return settings.sources.ranges.flatMap { range in
      (range.first...range.last).map { IPv4Address($0) }
    }
  }

  /// Returns the RST method: for `auto`, in place if that loses nothing, else through the transmitter
  /// (docs/design/receive.md).
  private static func resetMethod(
    _ settings: StationSettings, _ interface: InterfaceState, _ candidates: TransmitCandidates
  ) -> ResetMethod {
    guard settings.sendsResets else { return .none }
    switch settings.reset {
    case .inPlace: return .inPlace
    case .transmitter: return .transmitter
    case .auto: break
    }
    // Zero-copy sockets and the generator fill the ring that XDP_TX needs. veth delivers XDP_TX frames only
    // while its peer has an XDP program, which is not visible from this end.
    let fillsRing = candidates.modes.first == .xdpZeroCopy || candidates.modes.first == .generator
    return fillsRing || interface.driver == "veth" ? .transmitter : .inPlace
  }

  /// The chosen modes, on one line.
  package var modeLine: String {
    let transmit = transmitters.map { "\($0.mode.rawValue):\($0.queue)" }.joined(separator: ",")
    let reason = modeReason.map { " (\($0))" } ?? ""
    return "\(interface.name): transmit \(transmit), receive \(receiver.mode.rawValue), "
      + "RST \(resetMode)\(reason)"
  }

  /// Which TCP checksums the receiver accepts, as the summary names it.
  package var checksumMode: String {
    let mode: Summary.ChecksumMode = receiver.acceptsPartialChecksums ? .fullOrPartial : .full
    return mode.rawValue
  }

  /// How RSTs are sent, as the summary names it.
  package var resetMode: String {
    let mode: Summary.RSTMode =
      switch receiver.reset {
      case .none: .none
      case .inPlace: .inPlace
      case .transmitter: receiver.mode == .packet ? .kernelOrTransmitter : .transmitter
      }
    return mode.rawValue
  }
}
