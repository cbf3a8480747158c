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
  /// Source addresses that only the scan uses: what comes to them and is no valid reply is dropped.
  package var dedicatedSources: Set<IPv4Address> { receiver.dedicatedSources }
  /// Source addresses that are not this host's, which therefore does not reply to ARP for them.
  package let foreignSources: [IPv4Address]
  /// The Ethernet address that each gateway replied with at first.
  var gatewayPins: [IPv4Address: MACAddress] = [:]
  /// The last conflict about a gateway's Ethernet address, and when it was seen.
  var rivalry: (sentence: String, time: UInt64)?
  /// The gateway that left the last question of `askGateway` unanswered, and CLOCK_MONOTONIC in nanoseconds when
  /// it was asked.
  var silentGateway: (address: IPv4Address, time: UInt64)?
  /// Why these modes were chosen; nil if they were requested.
  package let modeReason: String?
  /// Whether the interface is alone in its network namespace, beside `lo`: `own` or `shared`.
  package let networkNamespace: String

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
    var receiveSettings = ReceiveSettings(
      interface: found.index, interfaceName: found.name, sources: sources,
      localSources: locals, ports: settings.sourcePorts, slots: settings.slots,
      wantsResets: settings.sendsResets, reportClosed: settings.report != .open,
      reportICMP: settings.report == .all, generator: candidates.modes.contains(.generator),
      partialChecksums: found.isVirtualLink,
      ringBytes: (settings.eventRing ?? .fitting(settings.highestRate)).bytes)
    receiveSettings.dedicatedSources = Self.dedicated(of: sources, locals, settings)
    let receiver = try openReceiver(
      receiveSettings, mode: settings.receive.mode, mapsRing: false)
    if let fault = receiver.dedicationFault, settings.sourceUse == .dedicated { throw fault }
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
    // libbpf has read the kernel's type information for the generator, and no longer needs that memory.
    releaseFreedMemory()
    try receiver.mapRing()

    self.settings = settings
    self.control = control
    self.sources = sources
    foreignSources = sources.filter { !locals.contains($0) }
    self.receiver = receiver
    interface = ready
    transmitters = opened.transmitters
    let reasons = [receiver.reason, opened.reason, receiver.dedicationFault?.description]
      .compactMap(\.self)
    modeReason = reasons.isEmpty ? nil : reasons.joined(separator: "; ")
    resolver = try AddressResolver(ready)
    if settings.requiresOwnNamespace {
      // PID 1 moves an interface that appears late.
      try self.control.requireOwnNamespace(of: ready.name, milliseconds: 5_000)
    }
    networkNamespace = try self.control.interfaces(besides: ready.name).isEmpty ? "own" : "shared"
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

  /// The sources of which only the scan is to receive packets.
  private static func dedicated(
    of sources: [IPv4Address], _ locals: Set<IPv4Address>, _ settings: StationSettings
  ) -> Set<IPv4Address> {
    switch settings.sourceUse {
    case .shared: []
    case .dedicated: Set(sources)
    case .auto: settings.dedicatesOwnSources ? Set(sources) : Set(sources).subtracting(locals)
    }
  }

  /// The chosen modes, on one line.
  package var modeLine: String {
    let transmit = transmitters.map { "\($0.mode.rawValue):\($0.queue)" }.joined(separator: ",")
    let reason = modeReason.map { " (\($0))" } ?? ""
    return "\(interface.name): transmit \(transmit), receive \(receiver.mode.rawValue), "
      + "RST \(resetMode), sources \(sourceUse), namespace \(networkNamespace)\(reason)"
  }

  /// Which TCP checksums the receiver accepts, as the summary names it.
  package var checksumMode: String {
    let mode: Summary.ChecksumMode = receiver.acceptsPartialChecksums ? .fullOrPartial : .full
    return mode.rawValue
  }

  /// Who uses the source addresses, as the summary names it.
  package var sourceUse: String {
    let use: Summary.SourceUse =
      dedicatedSources.isEmpty ? .shared : isDedicated ? .dedicated : .both
    return use.rawValue
  }

  /// Whether all sources are dedicated.
  private var isDedicated: Bool { dedicatedSources.count == sources.count }

  /// How RSTs are sent, as the summary names it.
  package var resetMode: String {
    let mode: Summary.RSTMode =
      !settings.sendsResets
      ? .none : receiver.mode != .packet || isDedicated ? .transmitter : .kernelOrTransmitter
    return mode.rawValue
  }
}
