// Chooses the transmitter.
import Datapath
import Kernel
import NIC
import Wire

/// What opening a transmitter requires.
struct TransmitContext {
  let settings: StationSettings
  let interface: InterfaceState
  let receiver: any Receiver
  /// The number of source addresses.
  let sources: Int
}

struct OpenedTransmitters {
  let transmitters: [any Transmitter]
  /// Why these were chosen, for `auto` and `xdp`.
  let reason: String?
}

/// The transmit modes to try, best first. A mode requested by name is the only one.
struct TransmitCandidates {
  let modes: [TransmitMode]
  /// Why better modes are not tried.
  private let reasons: [String]

  init(_ settings: StationSettings, _ interface: InterfaceState) {
    let fault = interface.zeroCopyFault
    let zeroCopy = fault == nil && interface.xdpFeatures?.contains(.xskZeroCopy) ?? false
    let whyNot = [fault ?? "\(interface.driver ?? "the driver") reports no AF_XDP zero-copy"]
    switch settings.transmit {
    case .generator: (modes, reasons) = ([.generator], [])
    case .packet: (modes, reasons) = ([.packet], [])
    case .xdpCopy: (modes, reasons) = ([.xdpCopy], [])
    // An explicit request wins over what is known of the driver, which is reported.
    case .xdpZeroCopy: (modes, reasons) = ([.xdpZeroCopy], [fault].compactMap(\.self))
    case .xdp:
      (modes, reasons) = zeroCopy ? ([.xdpZeroCopy, .xdpCopy], []) : ([.xdpCopy], whyNot)
    case .auto:
      let others: [TransmitMode] = [.generator, .xdpCopy, .packet]
      (modes, reasons) = zeroCopy ? ([.xdpZeroCopy] + others, []) : (others, whyNot)
    }
  }

  /// Opens the first mode that works.
  ///
  /// - Throws: The fault of the last one if none works.
  func open(_ context: TransmitContext, _ control: borrowing NetworkControl) throws(Fault)
    -> OpenedTransmitters
  {
    let settings = context.settings
    let queues = max(1, Int(context.interface.txQueues))
    guard settings.senders >= 1, settings.senders <= queues else {
      throw Fault(
        "\(context.interface.name) has \(queues) transmit queues, too few for \(settings.senders) sender threads",
        remedy: "Lower --sender-threads, or raise the number of channels (`synbox nic apply`)")
    }
    var reasons = self.reasons
    for mode in modes.dropLast() {
      do throws(Fault) {
        let transmitters = try Self.open(mode, context, control)
        if mode == .xdpZeroCopy {
          reasons.append(try ZeroCopyTrial(transmitters, context, control).evidence())
        }
        if mode == .generator { reasons.append("the driver accepted the generator's trial frame") }
        return OpenedTransmitters(
          transmitters: transmitters, reason: reasons.isEmpty ? nil : reasons.joined(separator: "; "))
      } catch {
        reasons.append(error.description)
      }
    }
    let transmitters = try Self.open(modes[modes.count - 1], context, control)
    // Asked for by name: only what is known to lose frames is refused.
    if modes == [.xdpZeroCopy] {
      reasons.append(try ZeroCopyTrial(transmitters, context, control).conclusion())
    }
    return OpenedTransmitters(
      transmitters: transmitters,
      reason: reasons.isEmpty ? nil : reasons.joined(separator: "; "))
  }

  private static func open(
    _ mode: TransmitMode, _ context: TransmitContext, _ control: borrowing NetworkControl
  ) throws(Fault) -> [any Transmitter] {
    let (settings, interface) = (context.settings, context.interface)
    if mode == .generator { return try openGenerator(context, control) }
    var transmitters: [any Transmitter] = []
    for queue in 0..<UInt32(settings.senders) {
      if mode == .packet {
        transmitters.append(
          try PacketTransmitter(interface: interface.index, queue: queue, batch: settings.batch))
      } else {
        transmitters.append(
          try XDPTransmitter(
            interface: interface.name, queue: queue,
            mode: mode == .xdpZeroCopy ? .zeroCopy : .copy, batch: settings.batch,
            receiveRing: interface.rings?.rx?.current))
      }
    }
    return transmitters
  }

  private static func openGenerator(
    _ context: TransmitContext, _ control: borrowing NetworkControl
  ) throws(Fault) -> [any Transmitter] {
    let (settings, interface) = (context.settings, context.interface)
    let placement = ThreadPlacement(senders: settings.senders)
    guard let processors = placement.exclusive else {
      throw Fault(
        "the generator needs a processor for each of its \(settings.senders) sender threads",
        remedy: "Lower --sender-threads")
    }
    let generator = try Generator(
      interface: interface.index, name: interface.name, receiver: context.receiver,
      rings: settings.senders, sources: context.sources,
      nextHops: AddressResolver.maximumAddresses + 1, restoresLengths: interface.isVirtualLink)
    // Attaching a program resets the link of some NICs.
    _ = try control.waitForCarrier(of: interface.name, milliseconds: 10_000)
    try onProcessor(processors[0]) { () throws(Fault) in
      try generator.verify(mac: interface.mac, processor: processors[0])
    }
    return processors.enumerated().map { index, processor in
      GeneratorTransmitter(
        generator, number: index, processor: processor, batch: settings.batch ?? 4096)
    }
  }
}
