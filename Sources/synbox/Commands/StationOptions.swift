// The options for sending and receiving.
import ArgumentParser
import Engine
import Plan
import Wire

struct StationOptions: ParsableArguments {
  @Option(name: .shortAndLong, help: "Interface to send from.")
  var interface: String?

  @Option(
    name: [.customShort("S"), .long],
    help: "Source addresses and ranges. (default: the interface's address)", transform: parsed)
  var sourceIP: AddressSet?

  @Option(
    name: [.customShort("s"), .long], help: "Source ports. (default: 32768-61000)", transform: parsed)
  var sourcePort: PortRange?

  @Option(
    help: ArgumentHelp(
      "What becomes of packets to the source addresses that are no valid replies: dropped (dedicated), or passed to "
        + "the kernel (shared). auto shares the addresses of this host."))
  var sourceUse: SourceUseChoice = .auto

  @Option(
    name: [.customShort("G"), .long],
    help: "Ethernet address to send to. (default: from route, neighbour table and ARP)",
    transform: parsedMAC)
  var gatewayMac: MACAddress?

  @Option(help: "Transmitter.")
  var transmit: TransmitChoice = .auto

  @Option(help: "Receive mode.")
  var receive: ReceiveChoice = .auto

  @Option(help: "Replies to report: open ports; open and closed ports; or ICMP errors as well.")
  var report: ReportChoice = .open

  @Flag(help: "Do not send an RST after a SYN-ACK (leaves targets half-open).")
  var noRst = false

  @Option(help: "How to send RSTs: auto or transmitter, which are the same.", transform: parsed)
  var rst: ResetChoice = .auto

  @Option(name: [.customShort("T"), .long], help: "Sending threads, each with its own transmit queue.")
  var senderThreads: Int = 1

  @Option(
    help: """
      Frames passed to the kernel in one call. (default: 64; generator 4096; xdp-copy 512 from Linux 6.17 on)
      """)
  var batch: Int?

  @Option(
    help: ArgumentHelp(
      "Size of the ring buffer between the XDP program and the scanner, such as 64K or 16M: a power of two, "
        + "96 bytes for each reply. (default: 512K to 4M, by the rate)",
      valueName: "size"), transform: parsed)
  var eventRing: EventRingSize?

  mutating func validate() throws {
    if let batch, !StationSettings.batches.contains(batch) {
      throw ValidationError(
        "--batch \(batch) is out of range (1-\(StationSettings.batches.upperBound))")
    }
    guard (1...64).contains(senderThreads) else {
      throw ValidationError("--sender-threads \(senderThreads) is out of range (1-64)")
    }
  }

  func settings() throws -> StationSettings {
    guard let interface else { throw ValidationError("no interface: give one with -i") }
    var settings = StationSettings(interface: interface)
    if let sourceIP { settings.sources = sourceIP }
    if let sourcePort { settings.sourcePorts = sourcePort.first.value...sourcePort.last.value }
    settings.sourceUse = sourceUse
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
