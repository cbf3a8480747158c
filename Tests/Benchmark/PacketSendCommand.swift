// `benchmark packet-send`: compares ways to pass frames to the kernel, in turns in one lab.
import ArgumentParser
import CBenchmark
import Datapath
import Kernel
import LabSupport
import NIC
import Wire

struct PacketSendCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "packet-send",
    abstract: "Compare ways to send frames through a socket, in a lab. Needs root.")

  @Option(help: "Frames to send in each turn.")
  var frames = 500_000

  @Option(help: "Turns of each way; the median is reported.")
  var rounds = 5

  @Option(help: "Frames passed in one call. Repeat the option to compare several.")
  var batch: [Int] = [64]

  @Flag(help: "Let the target node poll in a thread (threaded NAPI).")
  var threaded = false

  @Flag(help: "Print JSON, like `benchmark micro`.")
  var json = false

  func run() throws {
    let lab = try Lab()
    let node = try lab.respond(["--answer", "0%"])
    if threaded { try poll(lab) }
    let link = try Link(lab)
    var rates: [[Double]] = contenders.map { _ in [] }
    for _ in 0..<rounds {
      for (index, contender) in contenders.enumerated() {
        let seconds = try contender.send(frames, on: link)
        rates[index].append(Double(frames) / seconds)
      }
    }
    let sent = frames * rounds * contenders.count
    let received = try node.end()["syns_valid"] ?? 0
    guard received == sent else {
      throw Fault("the target node received \(received) of \(sent) valid SYNs")
    }
    var report = Report()
    for (contender, rates) in zip(contenders, rates) {
      report.add(contender.name, rates.sorted()[rates.count / 2], "frames/s")
    }
    print(json ? report.json : report.text)
  }

  /// Makes the target node poll in a thread, which the sender can outrun. With a queueing discipline, a full veth queue
  /// refuses frames, so that they can be retried; without one it drops them.
  private func poll(_ lab: Lab) throws {
    let box = lab.inside(lab.box, ["tc", "qdisc", "replace", "dev", "box0", "root", "mq"])
    let net = lab.inside(lab.net, ["sh", "-c", "echo 1 > /sys/class/net/net0/threaded"])
    for command in [box, net] {
      let outcome = try LabSupport.run(command)
      guard outcome.status == 0 else { throw LabError(outcome.errors) }
    }
  }

  private var contenders: [Contender] {
    batch.flatMap { batch in
      Contender.Way.allCases.map { Contender(way: $0, batch: batch) }
    }
  }
}

private struct Contender {
  enum Way: String, CaseIterable {
    case sendmmsg
    case ringV2 = "tx_ring_v2"
    case ringV3 = "tx_ring_v3"
    case ringCopied = "tx_ring_v2_copied"
    /// The transmitters of synbox.
    case packet
    case xdpCopy = "xdp_copy"
  }

  let way: Way
  let batch: Int

  var name: String { "\(way.rawValue)_\(batch)" }

  /// Sends the frames; returns the seconds until the last one was completed.
  func send(_ frames: Int, on link: Link) throws -> Double {
    switch way {
    case .sendmmsg: try sendInC(CBENCHMARK_SENDMMSG, frames, link)
    case .ringV2: try sendInC(CBENCHMARK_RING_V2, frames, link)
    case .ringV3: try sendInC(CBENCHMARK_RING_V3, frames, link)
    case .ringCopied: try sendInC(CBENCHMARK_RING_V2_COPIED, frames, link)
    case .packet:
      try send(
        frames, through: PacketTransmitter(interface: link.interface.index, queue: 0, batch: batch),
        link)
    case .xdpCopy:
      try send(
        frames,
        through: XDPTransmitter(
          interface: link.interface.name, queue: 0, mode: .copy, batch: batch), link)
    }
  }

  private func sendInC(_ way: cbenchmark_way, _ frames: Int, _ link: Link) throws -> Double {
    let nanoseconds = cbenchmark_send(
      way, link.interface.index, link.interface.mac.value, link.peer.value, UInt32(batch),
      UInt64(frames))
    guard nanoseconds >= 0 else {
      throw Fault("cannot send by \(name)", cause: Errno(Int32(-nanoseconds)))
    }
    return Double(nanoseconds) / 1e9
  }

  private func send(_ frames: Int, through transmitter: any Transmitter, _ link: Link) throws -> Double
  {
    transmitter.prepare(link.stamper)
    let entries = link.probes(65_536)
    let start = Clock.monotonic
    var (sent, completed) = (0, 0)
    while completed < frames {
      let first = sent % entries.count
      let count = min(batch, frames - sent, entries.count - first)
      if count > 0 {
        sent += try transmitter.submit(entries.span.extracting(first..<first + count)).accepted
      }
      completed += Int(try transmitter.complete().probes)
    }
    return Double(Clock.monotonic - start) / 1e9
  }
}
