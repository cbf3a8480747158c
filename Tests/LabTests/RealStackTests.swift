import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `Real TCP stacks on the same link` {
  @Test(arguments: [
    ["--transmit", "auto"], ["--transmit", "packet"], ["--transmit", "xdp"],
    ["--transmit", "generator"],
    ["--transmit", "generator", "--receive", "packet"],
    ["--transmit", "packet", "--receive", "packet"],
    ["--transmit", "xdp", "--receive", "xdp-generic"],
  ])
  func `are all found, and none stays half-open`(options: [String]) throws {
    // A veth accepts redirected frames only if its peer uses NAPI. `auto` detects that and chooses another transmitter.
    let stacks = try RealStacks.onLink(polls: options.contains("generator"))
    let scan = try stacks.scan(options + ["-p", "80", "-c", "1", "198.18.5.0/24"])
    #expect(scan.status == 0, "\(scan.errors)")
    #expect(Set(scan.lines.dropFirst()) == stacks.open)
    #expect(scan.lines.count == 51)
    #expect(try stacks.halfOpen() == 0)
  }

  @Test func `are reported closed if they send an RST`() throws {
    let stacks = try RealStacks.onLink(polls: false)
    let scan = try stacks.scan([
      "-p", "80", "-c", "1", "--report", "all", "-f", "saddr,classification", "198.18.5.0/24",
    ])
    let open = scan.lines.filter { $0.hasSuffix(",synack") }
    let closed = scan.lines.filter { $0.hasSuffix(",rst") }
    #expect(open.count == 50)
    #expect(closed.count == 203)
  }
}

@Suite(.serialized, .alone, .timeLimit(.minutes(10)))
struct `A scan of 10,000 open pairs on real TCP stacks` {
  static let targets = [
    "-S", RealStacks.source, "-p", "9001-9100", "-r", "50k", "-c", "2", "198.18.8.0-198.18.8.99",
  ]

  @Test(arguments: [("auto", "generator:0"), ("xdp-copy", "xdp-copy:0"), ("packet", "packet:0")])
  func `finds all of them and leaves none half-open`(transmit: (choice: String, mode: String)) throws {
    let stacks = try RealStacks.routed(addresses: 100, ports: 100)
    let metadata = "\(try Lab.temporaryDirectory())/summary.json"
    let scan = try stacks.scan(
      ["--transmit", transmit.choice, "-m", metadata] + Self.targets)
    #expect(try stacks.halfOpen() == 0)
    #expect(scan.status == 0, "\(scan.errors)")
    #expect(Set(scan.lines.dropFirst()) == stacks.open)
    #expect(scan.lines.count == 10_001)
    let summary = try JSON.object(String(contentsOfFile: metadata, encoding: .utf8))
    #expect(summary["transmit_mode"] as? [String] == [transmit.mode])
    #expect(summary["rst_mode"] as? String == "transmitter")
    // A target that did not accept its RST would send its SYN-ACK again after one second.
    #expect(summary["replies_valid"] as? Int == 10_000)
    #expect(summary["rst_sent"] as? Int == 10_000)
  }

  @Test func `leaves all half-open without RSTs`() throws {
    let stacks = try RealStacks.routed(addresses: 100, ports: 100)
    let scan = try stacks.scan(["--no-rst"] + Self.targets)
    #expect(try stacks.halfOpen() == 10_000)
    #expect(scan.lines.count == 10_001)
  }
}

@Suite(.serialized, .alone, .timeLimit(.minutes(10)))
struct `An event ring of one page, which holds 42 events` {
  @Test func `loses events, but no target whose SYN-ACK is retransmitted`() throws {
    let stacks = try RealStacks.routed(addresses: 3, ports: 60)
    let metadata = "\(try Lab.temporaryDirectory())/summary.json"
    // 180 SYN-ACKs arrive at once. Linux retransmits after 1, 3, 7 and 15 s, each time fewer of them. Even a receive
    // thread that gets no processor while they arrive takes 42 each time, which is all of them in the end.
    let scan = try stacks.scan([
      "-S", RealStacks.source, "-p", "9001-9060", "-r", "0", "-c", "17", "--event-ring", "4K",
      "--on-overload", "drop", "-m", metadata,
      "198.18.8.0-198.18.8.2",
    ])
    #expect(scan.status == 0, "\(scan.errors)")
    #expect(Set(scan.lines.dropFirst()) == stacks.open)
    #expect(scan.lines.count == 181)
    #expect(try stacks.halfOpen() == 0)
    let summary = try JSON.numbers(file: metadata)
    let lost = try #require(summary["events_lost"])
    #expect(lost > 0)
    // A lost SYN-ACK gets no RST, so it is retransmitted.
    #expect(summary["replies_valid"] == 180)
    #expect(summary["rst_sent"] == 180)
    #expect(summary["replies_received"] == 180 + lost)
    #expect(summary["replies_reported"] == 180)
  }
}
