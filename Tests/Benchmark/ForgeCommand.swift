// `benchmark forge`: a flood of forged SYN-ACKs, sent to a scanner.
import ArgumentParser
import Datapath
import Kernel
import NIC
import Plan
import Wire

/// Sends SYN-ACKs with valid addresses and ports and invalid cookies.
struct ForgeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forge",
    abstract: "Send forged SYN-ACKs at a given rate through the generator's kernel path.",
    discussion: """
      Use it only in a network namespace without a connection to any other network. Its loopback interface must be \
      up: the program is attached there, so that the sending interface may have another one.
      """)

  @Option(help: "Interface to send from; its peer must accept redirected frames.")
  var interface: String

  @Option(help: "Ethernet address of the scanner.", transform: parsedMAC)
  var to: MACAddress

  @Option(help: "IPv4 address of the scanner.", transform: parsedAddress)
  var destination: IPv4Address

  @Option(
    help: "Source addresses, such as 198.19.0.0/16; changes every 64 frames.",
    transform: AddressSet.init(parsing:))
  var sources: AddressSet

  @Option(help: "Source port.")
  var port: UInt16

  @Option(help: "Frames per second.")
  var rate: UInt64

  @Option(help: "Duration in seconds.")
  var seconds: UInt64

  private static let scannerPorts: ClosedRange<UInt16> = 32768...61000
  /// The number of identical frames in a row.
  private static let block = 64

  func run() throws {
    let control = try NetworkControl()
    let state = try control.state(of: interface)
    let receiver = try openReceiver(
      ReceiveSettings(
        interface: try control.state(of: "lo").index, interfaceName: "lo", sources: [destination],
        localSources: [], ports: Self.scannerPorts, wantsResets: false, reportClosed: false,
        reportICMP: false, generator: true, ringBytes: UInt32(pageSize)),
      mode: .xdpGeneric)
    let processor = usableProcessors.first ?? 0
    let flood = try Flood(
      interface: state.index, name: interface, receiver: receiver, processor: processor)
    var random = SystemRandomNumberGenerator()
    let count = rate * seconds
    let start = Clock.monotonic
    // The caller waits for this line.
    try Descriptor.standardOutput().writeAll(Array("{\"state\": \"ready\"}\n".utf8))
    var sent: UInt64 = 0
    try onProcessor(processor) {
      while sent < count {
        Clock.sleep(untilMonotonic: start + sent * 1_000_000_000 / rate)
        try flood.send(frame(from: state.mac, &random), count: Self.block)
        sent += UInt64(Self.block)
      }
    }
    print("{\"frames\": \(sent), \"seconds\": \(Double(Clock.monotonic - start) / 1e9)}")
  }

  private static func parsedAddress(_ text: String) throws -> IPv4Address {
    guard let address = IPv4Address(text) else {
      throw ValidationError("found \(text), expected an IPv4 address")
    }
    return address
  }

  private func frame(from mac: MACAddress, _ random: inout some RandomNumberGenerator) -> [UInt8] {
    let range = sources.ranges.randomElement(using: &random)!
    return synAckFrame(
      from: IPv4Address(.random(in: range.first...range.last, using: &random)), port,
      to: destination, .random(in: Self.scannerPorts, using: &random), sequence: random.next(),
      acknowledging: random.next(), ethernet: to.bytes + mac.bytes)
  }
}
