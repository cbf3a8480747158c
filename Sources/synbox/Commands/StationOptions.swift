// The options that say where and how frames leave and replies come in.
import ArgumentParser
import Plan
import Wire

struct StationOptions: ParsableArguments {
  @Option(name: .shortAndLong, help: "The interface to send from.")
  var interface: String?

  @Option(
    name: [.customShort("S"), .long],
    help: "Source addresses and ranges. Default: the interface's own.", transform: parsed)
  var sourceIP: AddressSet?

  @Option(name: [.customShort("s"), .long], help: "Source ports (32768-61000).", transform: parsed)
  var sourcePort: PortRange?

  @Option(
    name: [.customShort("G"), .long],
    help: "The Ethernet address to send to. Default: by route, neighbour table, ARP.",
    transform: parsedMAC)
  var gatewayMac: MACAddress?

  @Option(help: "How to send: auto, generator, xdp, xdp-zerocopy, xdp-copy, packet.")
  var transmit: TransmitChoice = .auto

  @Option(help: "How to receive: auto, xdp-native, xdp-generic, packet.")
  var receive: ReceiveChoice = .auto

  @Option(help: "Results: open ports; closed too; all, ICMP errors too.")
  var report: ReportChoice = .open

  @Flag(help: "Leave half-open connections at the targets.")
  var noRst = false

  @Option(help: "Who sends RSTs: auto, in-place (XDP_TX), transmitter.")
  var rst: ResetChoice = .auto

  @Option(name: [.customShort("T"), .long], help: "Sending threads, one transmit queue each (1).")
  var senderThreads: Int = 1

  @Option(
    help: "Frames handed to the kernel in one call (64; generator 4096); 1 sends each by itself.")
  var batch: Int?

  @Option(
    help: ArgumentHelp(
      "Room for answers on their way from the XDP program to the scanner, 96 bytes each: 64K, 16M, a "
        + "power of two. Default 4M.",
      valueName: "size"), transform: parsed)
  var eventRing: EventRingSize?

  mutating func validate() throws {
    if let batch, !StationSettings.batches.contains(batch) {
      throw ValidationError(
        "found --batch \(batch), expected 1 to \(StationSettings.batches.upperBound)")
    }
    guard (1...64).contains(senderThreads) else {
      throw ValidationError("found --sender-threads \(senderThreads), expected 1 to 64")
    }
  }

  func settings() throws -> StationSettings {
    guard let interface else { throw ValidationError("no interface: name one with -i") }
    var settings = StationSettings(interface: interface)
    if let sourceIP { settings.sources = sourceIP }
    if let sourcePort { settings.sourcePorts = sourcePort.first.value...sourcePort.last.value }
    settings.gatewayMAC = gatewayMac
    settings.transmit = transmit
    settings.receive = receive
    settings.report = report
    settings.sendsResets = !noRst
    settings.reset = rst
    settings.senders = senderThreads
    settings.batch = batch
    settings.eventRing = eventRing
    return settings
  }
}
