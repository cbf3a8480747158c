// What strangers send to a box: floods, and forged replies by someone who has a job's key.
import Foundation
import LabSupport
import LabTraits
import Scan
import TestSupport
import Testing
import Wire

private let ours = IPv4Address(198, 18, 0, 1)
private let ports: ClosedRange<UInt16> = 32_768...61_000

extension ServeLab {
  /// Runs Tests/HostileTarget/flood.py at the other end of the link and returns what it printed.
  ///
  /// - Parameter frames: what to send instead of the flood.
  @discardableResult
  fileprivate func flood(_ network: String, frames: [[UInt8]]? = nil) throws -> [String: Double] {
    let nic = try json("data/status.json")["nic"] as? [String: Any]
    let mac = try #require(nic?["mac"] as? String)
    var arguments = ["net0", mac, "\(ours)", network]
    if let frames {
      let file = url("frames").path
      var bytes: [UInt8] = []
      for frame in frames { bytes += [UInt8(frame.count >> 8), UInt8(frame.count & 0xff)] + frame }
      try Data(bytes).write(to: URL(fileURLWithPath: file))
      arguments += ["--frames", file]
    }
    let outcome = try besideNode(["python3", "\(Lab.root)/Tests/HostileTarget/flood.py"] + arguments)
    guard outcome.status == 0 else { throw LabError("flood.py: \(outcome.errors)") }
    return try JSON.object(outcome.output).compactMapValues { ($0 as? NSNumber)?.doubleValue }
  }

  /// All even addresses of 198.19.0.0/24 and the networks behind it, port 80.
  fileprivate static func even(_ networks: Int) -> Set<String> {
    Set(
      evenAddresses(from: 0, blocks: networks, ports: [80]).map {
        $0.replacing("198.18.", with: "198.19.")
      })
  }
}

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `A flood of packets of every kind` {
  private static let configuration = "rate = 2000\ntarget-ports = 80\ncooldown-time = 2\n"
  private static let scope = "[scope]\nallow = [\"198.19.0.0/16\"]\ndeny = [\"198.19.200.0/24\"]\n"

  @Test(arguments: ["auto", "xdp-generic", "packet"])
  func `to a dedicated address draws no packet, neither while the box is idle nor while it scans`(
    receive: String
  ) throws {
    let lab = try ServeLab()
    let settings = "source-use = \"dedicated\"\nreceive = \"\(receive)\"\n"
    let box = try lab.serve(lab.configure(settings + Self.configuration + Self.scope))
    #expect(try lab.json("data/status.json")["source_use"] as? String == "dedicated")
    // A denied network, and one that is neither probed nor denied.
    for network in ["198.19.200.0", "198.19.201.0"] {
      let idle = try lab.flood(network)
      #expect(idle["received"] == 0 && idle["sent"] ?? 0 > 1_000)
    }
    try lab.drop("net.txt", "198.19.0.0/19\n")
    try lab.wait("the job", seconds: 30) { lab.exists("data/active/net.txt/job.json") }
    var sent = 0.0
    for network in ["198.19.200.0", "198.19.201.0"] {
      let scanning = try lab.flood(network)
      #expect(scanning["received"] == 0)
      sent += scanning["sent"] ?? 0
    }
    try lab.wait("the end of the job", seconds: 60) { lab.exists("data/results/net.txt") }
    #expect(try lab.results("net.txt") == ServeLab.even(32))
    let summary = try lab.json("data/results/net.txt/summary.json")
    #expect(summary["source_use"] as? String == "dedicated")
    #expect(summary["rst_sent"] as? Int == 32 * 128)
    #expect(summary["rst_mode"] as? String == "transmitter")
    // Packet capture counts only what may be a reply.
    let share = receive == "packet" ? 0.25 : 0.5
    #expect((summary["packets_withheld"] as? NSNumber)?.doubleValue ?? 0 > sent * share)
    _ = try box.end(SIGTERM)
    let counts = try lab.node.end()
    #expect(counts["rsts_received"] == 32 * 128 && counts["rsts_invalid"] == 0)
  }

  /// As PID 1 starts the scanner of an image.
  @Test func `draws no packet either from a box that uses its addresses for nothing else`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(
      lab.configure(Self.configuration + Self.scope), options: ["--dedicate-sources"])
    #expect(try lab.json("data/status.json")["source_use"] as? String == "dedicated")
    let idle = try lab.flood("198.19.201.0")
    #expect(idle["received"] == 0 && idle["sent"] ?? 0 > 1_000)
    _ = try box.end(SIGTERM)
  }

  /// Otherwise the tests above would show nothing. And a host that shares its address is to answer as ever.
  @Test func `to a shared address is answered by the host's own stack`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(Self.configuration + Self.scope))
    #expect(try lab.json("data/status.json")["source_use"] as? String == "shared")
    #expect(try lab.flood("198.19.201.0")["received"] ?? 0 > 1_000)
    _ = try box.end(SIGTERM)
  }
}

@Suite(.serialized, .lab, .timeLimit(.minutes(10)))
struct `Packet capture, beside which nftables drops,` {
  private static let configuration =
    "receive = \"packet\"\nrate = 2000\ntarget-ports = 80\ncooldown-time = 2\n"
  private static let scan = ["--receive", "packet", "-p", "80", "-c", "0.1"]
  /// Leaves root without the capability that nftables asks for.
  private static let withoutAdministration = ["setpriv", "--bounding-set=-net_admin"]

  @Test func `leaves no rule behind when it is killed`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure("source-use = \"dedicated\"\n" + Self.configuration))
    let dedicated = try lab.flood("198.19.201.0")
    #expect(dedicated["received"] == 0 && dedicated["sent"] ?? 0 > 1_000)
    _ = try box.end(SIGKILL)
    #expect(try lab.flood("198.19.201.0")["received"] ?? 0 > 1_000)
  }

  @Test func `dedicates the addresses that are not the host's, and no other`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(
      lab.configure("source-ip = [\"198.18.0.1\", \"198.18.0.200\"]\n" + Self.configuration))
    #expect(try lab.json("data/status.json")["source_use"] as? String == "dedicated and shared")
    #expect(try lab.flood("198.19.201.0")["received"] ?? 0 > 1_000)
    try lab.drop("net.txt", "198.19.0.0/22\n")
    try lab.wait("the end of the job", seconds: 60) { lab.exists("data/results/net.txt") }
    #expect(try lab.results("net.txt") == ServeLab.even(4))
    let summary = try lab.json("data/results/net.txt/summary.json")
    #expect(summary["rst_mode"] as? String == "kernel or transmitter")
    _ = try box.end(SIGTERM)
    // Of each address, by whoever sends its RSTs.
    #expect(try lab.node.end()["rsts_received"] ?? 0 >= 4 * 128)
  }

  @Test func `refuses to dedicate an address if it may not use nftables`() throws {
    let outcome = try ServeLab().scan(
      under: Self.withoutAdministration,
      Self.scan + ["--transmit", "packet", "--source-use", "dedicated", "198.19.0.2"])
    #expect(outcome.status == 1)
    #expect(
      outcome.errors.contains(
        "packet capture cannot keep packets to the source addresses from the kernel: it needs nftables"),
      "\(outcome.errors)")
    #expect(outcome.errors.contains("EPERM") && outcome.errors.contains("source-use"))
  }

  @Test func `reports that it shares an address if it may not use nftables`() throws {
    let lab = try ServeLab()
    let summary = lab.url("summary.json").path
    let arguments =
      Self.scan + [
        "--transmit", "packet", "-S", "198.18.0.200", "-m", summary, "198.19.0.2",
      ]
    let outcome = try lab.scan(under: Self.withoutAdministration, arguments)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let object = try lab.json("summary.json")
    #expect(object["source_use"] as? String == "shared")
    let reason = try #require(object["mode_reason"] as? String)
    #expect(reason.contains("it needs nftables"))
    let other = try lab.scan(under: [], arguments)
    #expect(other.status == 0, "\(other.errors)")
    #expect(try lab.json("summary.json")["source_use"] as? String == "dedicated")
  }
}

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `A host that shares its address with a scan`
{
  @Test(arguments: ["use", "fetch"])
  func `keeps its TCP sessions, gives files and answers pings meanwhile`(_ command: String) throws {
    let lab = try ServeLab()
    let script = ["python3", "\(Lab.root)/Tests/HostileTarget/session.py"]
    let server = try lab.besideBox(script + ["serve", "\(ours)"])
    try server.wait(for: "the server") { $0.text.contains("ready") }
    let box = try lab.serve(lab.configure("rate = 0\ntarget-ports = 80\ncooldown-time = 2\n"))
    try lab.drop("net.txt", "198.19.0.0/16:80,81,82,83,84,85,86,87\n")
    let session = try lab.besideNode(script + [command, "\(ours)", "4"])
    #expect(session.status == 0, "\(session.errors)")
    let counts = try JSON.object(session.output)
    let rounds = try #require(counts["rounds"] as? Int)
    #expect(rounds > 100)
    // A full link may lose a ping, a program that drops them would lose most.
    #expect(try #require(counts["lost_pings"] as? Int) <= rounds / 20)
    // Of 4 MiB each.
    #expect(counts["files"] as? Int ?? 0 > 1 || command == "use")
    print("beside a scan without limit: \(counts)")
    try lab.wait("the end of the job", seconds: 60) { lab.exists("data/results/net.txt") }
    let count = try lab.results("net.txt").count
    // Files fill the link, which then drops probes and replies, too.
    let least = command == "use" ? 8 * 32_768 : 8 * 30_000
    #expect(least...8 * 32_768 ~= count, "\(count)")
    _ = try box.end(SIGTERM)
    _ = try server.end(SIGTERM)
  }
}

/// Forges replies with valid cookies.
private struct Forger {
  let key: SipHashKey
  /// The first job has slot 0.
  private let selection: SourceSelection

  init(_ record: [String: Any]) throws {
    let digits = Array(try #require(record["key"] as? String))
    let bytes = stride(from: 0, to: 32, by: 2).map { UInt8(String(digits[$0...$0 + 1]), radix: 16)! }
    key = try #require(SipHashKey(bytes: bytes))
    selection = SourceSelection(addresses: 1, ports: ports, key: key, slot: 0, slots: 64)
  }

  /// The port from which the job probes a target.
  func port(_ address: IPv4Address, _ port: UInt16 = 80) -> UInt16 {
    selection.choose(destination: address.value, port: port, pass: 0).port
  }

  /// A SYN-ACK to one of our ports that acknowledges the cookie of the probe from there.
  func synAck(from address: IPv4Address, _ targetPort: UInt16 = 80, to port: UInt16, mac: [UInt8])
    -> [UInt8]
  {
    let sequence = Cookie(key: key).sequenceNumber(
      source: ours.value, destination: address.value, sourcePort: port, destinationPort: targetPort)
    let tcp = TCPHeader(
      sourcePort: Port(targetPort), destinationPort: Port(port), sequenceNumber: 1,
      acknowledgmentNumber: sequence &+ 1, flags: [.syn, .ack], window: 1024)
    let ip = IPv4Header(
      totalLength: 40, timeToLive: 60, protocolNumber: .tcp, source: address, destination: ours)
    return mac + [2, 0, 0, 0, 0, 9, 8, 0] + ip.bytes + tcp.bytes(source: address, destination: ours)
      + [0, 0, 0, 0, 0, 0]
  }
}

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `Someone who has a job's key` {
  private static let configuration =
    "source-use = \"dedicated\"\nrate = 10\ntarget-ports = 80\ncooldown-time = 2\n"
    + "[scope]\nallow = [\"198.19.0.0/16\"]\ndeny = [\"198.19.64.0/24\"]\n"
  /// Of the plan, but never open.
  private static let odd = IPv4Address(198, 19, 3, 1)

  @Test
  func `is believed from no source but the chosen, draws no RST to others, and nothing afterwards`()
    throws
  {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(Self.configuration))
    try lab.drop("key.txt", "198.19.0.0/17\n")
    try lab.wait("the job", seconds: 30) { lab.exists("data/active/key.txt/checkpoint") }
    let forger = try Forger(lab.record("key.txt"))
    let nic = try lab.json("data/status.json")["nic"] as? [String: Any]
    let mac = try #require(nic?["mac"] as? String).split(separator: ":").map { UInt8($0, radix: 16)! }

    var random = SeededGenerator(Seed.next())
    var frames: [[UInt8]] = []
    while frames.count < 100_000 {
      // Odd addresses, which are closed: none may become a result.
      let address = IPv4Address(0xc613_0001 + 2 * UInt32.random(in: 0..<16_384, using: &random))
      // A port of the job's slot.
      let port = 32_768 + 64 * UInt16.random(in: 0..<442, using: &random)
      guard port != forger.port(address) else { continue }
      frames.append(forger.synAck(from: address, to: port, mac: mac))
    }
    // A host that is not probed, one that is denied, and a port that is not probed.
    let others: [(IPv4Address, UInt16)] = [
      (IPv4Address(198, 19, 200, 1), 80), (IPv4Address(198, 19, 64, 1), 80), (Self.odd, 81),
    ]
    for (address, port) in others {
      let frame = forger.synAck(from: address, port, to: forger.port(address, port), mac: mac)
      frames += [[UInt8]](repeating: frame, count: 2_000)
    }
    // The only one that the box cannot tell from the target's own.
    let perfect = forger.synAck(from: Self.odd, to: forger.port(Self.odd), mac: mac)
    let perfects = [[UInt8]](repeating: perfect, count: 1_000)
    try lab.flood("198.19.0.0", frames: frames + perfects)
    try lab.drop("key.txt.cancel", "")
    try lab.wait("the end of the job", seconds: 30) { lab.exists("data/results/key.txt") }
    let summary = try lab.json("data/results/key.txt/summary.json")
    func count(_ name: String) -> Int { summary[name] as? Int ?? -1 }
    #expect(count("events_lost") == 0)
    #expect(count("replies_unprobed_source") == 100_000)
    #expect(count("replies_unprobed_target") == 6_000)
    #expect(count("rst_withheld") == 997)
    let results = try lab.results("key.txt")
    // Its address is odd, and those of all others are even.
    #expect(results.subtracting(ServeLab.even(128)) == ["\(Self.odd),80"])
    #expect(count("rst_sent") == results.count + 2)

    // The key is gone with the job: replays are no replies, whatever they acknowledge.
    try lab.flood("198.19.0.0", frames: frames.suffix(4_000) + perfects)
    try lab.drop("next.txt", "@rate 1000\n198.19.0.0/24\n")
    try lab.flood("198.19.0.0", frames: frames.suffix(4_000) + perfects)
    try lab.wait("the end of the next job", seconds: 60) { lab.exists("data/results/next.txt") }
    #expect(try lab.results("next.txt") == ServeLab.even(1))
    let next = try lab.json("data/results/next.txt/summary.json")
    #expect(next["replies_valid"] as? Int == 128 && next["rst_sent"] as? Int == 128)
    _ = try box.end(SIGTERM)
    let node = try lab.node.end()
    #expect(node["rsts_received"] == count("rst_sent") + 128 && node["rsts_invalid"] == 0)
  }
}

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `A neighbour that claims to be the gateway` {
  /// It replies a thousand times a second, so that its reply is the first to each request.
  @Test func `neither diverts nor pauses scans, and the status tells of it`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure("rate = 2000\ntarget-ports = 80\ncooldown-time = 2\n"))
    // The first job pins the gateway's address for those that follow.
    try lab.drop("first.txt", "198.19.0.0/24\n")
    try lab.wait("the first job", seconds: 30) { lab.exists("data/results/first.txt") }
    let nic = try lab.json("data/status.json")["nic"] as? [String: Any]
    let mac = try #require(nic?["mac"] as? String)
    let gateway = try lab.gatewayMAC()
    let (rival, use) = ("02:00:00:00:00:66", "replies to ARP from two Ethernet addresses, ")
    func problems() throws -> [String] {
      try lab.json("data/status.json")["problems"] as? [String] ?? []
    }

    try lab.drop("second.txt", "198.19.0.0/19\n")
    try lab.wait("the second job", seconds: 30) { try lab.state() == "scanning" }
    try lab.setGatewayLink("arp", "off")
    let claim = try lab.startBesideNode([
      "python3", "\(Lab.root)/Tests/HostileTarget/arp.py", "net0", "198.18.0.254", rival, "\(ours)",
      mac,
      gateway,
    ])
    try claim.wait(for: "the first claim") { $0.text.contains("ready") }
    try lab.wait("a problem", seconds: 30) {
      try problems().contains { $0.contains("\(use)\(gateway), which is used, and \(rival)") }
    }
    try lab.wait("the second job's end", seconds: 60) { lab.exists("data/results/second.txt") }
    #expect(try lab.results("second.txt") == ServeLab.even(32))
    let summary = try lab.json("data/results/second.txt/summary.json")
    #expect(summary["resumed"] as? Int == 0 && summary["probes_completed"] as? Int == 8192)

    // One that begins meanwhile sends to the gateway, too.
    try lab.drop("third.txt", "198.19.0.0/24\n")
    try lab.wait("the third job's end", seconds: 60) { lab.exists("data/results/third.txt") }
    #expect(try lab.results("third.txt") == ServeLab.even(1))
    #expect(try problems().contains { $0.contains("\(use)\(gateway), which is used, and \(rival)") })
    _ = try claim.end(SIGTERM)
    _ = try box.end(SIGTERM)
  }
}
