import Foundation
import LabSupport
import LabTraits
import Testing

/// Options for transmitter, receive mode and RSTs, and what the summary must report.
private struct ResetCase: CustomTestStringConvertible, Sendable {
  let arguments: [String]
  let mode: String
  /// RSTs that the scan sends.
  let sent: Int
  /// RSTs that 3 gets. The limit for a pair is the transmitter's: by the host's TCP each SYN-ACK draws one.
  let toThree: Int
  /// RSTs of this host's TCP, to the invalid SYN-ACK of 7: none if the address is dedicated.
  var fromHost = 1
  var testDescription: String { arguments.joined(separator: " ") }

  // Valid SYN-ACKs: one each from 1, 2, 4 and 5, a thousand from 3.
  static let all: [ResetCase] = [
    ResetCase(
      arguments: ["--transmit", "generator"], mode: "transmitter", sent: 7, toThree: 3),
    ResetCase(
      arguments: ["--transmit", "xdp-copy"], mode: "transmitter", sent: 7, toThree: 3),
    ResetCase(
      arguments: ["--transmit", "packet"], mode: "transmitter", sent: 7, toThree: 3),
    ResetCase(
      arguments: ["--transmit", "packet", "--receive", "xdp-generic"], mode: "transmitter", sent: 7,
      toThree: 3),
    ResetCase(
      arguments: ["--transmit", "packet", "--receive", "packet"], mode: "kernel or transmitter",
      sent: 0, toThree: 1000),
    ResetCase(
      arguments: ["--source-use", "dedicated"], mode: "transmitter", sent: 7, toThree: 3,
      fromHost: 0),
  ]
}

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `A hostile target` {
  @Test(arguments: ResetCase.all)
  fileprivate func `has its valid replies reported, and its SYN-ACKs reset`(options: ResetCase) throws {
    let lab = try Lab()
    let target = try HostileTarget(lab)
    let metadata = "\(try Lab.temporaryDirectory())/summary.json"
    let scan = try lab.scan(
      options.arguments + [
        "-q", "-p", "80", "-c", "2", "--report", "all", "-f", "saddr,classification,cooldown", "-m",
        metadata,
        "198.19.7.1-198.19.7.10",
      ])
    #expect(scan.status == 0, "\(scan.errors)")
    let lines = scan.lines.dropFirst().map { $0.split(separator: ",").map(String.init) }
    #expect(
      lines.map { "\($0[0]) \($0[1])" }.sorted() == [
        "198.19.7.1 synack", "198.19.7.10 rst", "198.19.7.2 rst", "198.19.7.2 synack",
        "198.19.7.3 synack",
        "198.19.7.4 synack", "198.19.7.5 synack", "198.19.7.9 icmp",
      ])
    #expect(lines.contains(["198.19.7.4", "synack", "1"]), "a late reply is marked")

    let object = try JSON.object(String(contentsOfFile: metadata, encoding: .utf8))
    let summary = try JSON.numbers(file: metadata)
    let fates = try #require(object["fates"] as? [String: Double])
    #expect(fates["open"] == 1004 && fates["closed"] == 2 && fates["icmp"] == 1)
    #expect(fates["bad_checksum"] == 1 && fates["bad_cookie"] == 1 && fates["malformed"] == 1)
    #expect(fates["not_reply"] == 1)
    #expect(summary["packets_seen"] == fates.values.reduce(0, +))
    #expect(summary["replies_valid"] == 1007 && summary["replies_invalid"] == 2)
    #expect(summary["duplicates"] == 999 && summary["results_written"] == 8)
    #expect(object["rst_mode"] as? String == options.mode)
    #expect(object["checksum_mode"] as? String == "full or partial", "a veth is a virtual link")
    #expect(summary["rst_sent"] == Double(options.sent))
    #expect(summary["rst_withheld"] == (options.mode == "transmitter" ? 997 : 0))
    #expect(object["source_use"] as? String == (options.fromHost == 0 ? "dedicated" : "shared"))
    // The invalid replies of 6, 7, 8 and 10.
    #expect(summary["packets_withheld"] == (options.fromHost == 0 ? 4 : 0))
    let resets = ["1": 1, "2": 1, "3": options.toThree, "4": 1, "5": 1, "bad": options.fromHost]
    #expect(try target.end() == resets)
  }
}

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `Two shards scanned at once on one link` {
  @Test func `ignore each other's replies and find every open target`() throws {
    let lab = try Lab()
    let node = try lab.respond(["--answer", "even"])
    let directory = try Lab.temporaryDirectory()
    // Packet capture is the only receive mode that two processes can share.
    let scans = try (0..<2).map { shard in
      try Running(
        lab.inside(
          lab.box,
          [
            Lab.synbox, "scan", "-q", "-i", "box0", "--transmit", "packet", "--receive", "packet", "-p",
            "80",
            "-r", "200", "-c", "1", "-e", "7", "--shards", "2", "--shard", "\(shard)", "-m",
            "\(directory)/\(shard).json", "198.19.0.0/22",
          ]))
    }
    let outcomes = try scans.map { try $0.wait() }
    let found = outcomes.map { Set($0.lines.dropFirst()) }
    let all = (0..<1024).filter { $0 % 2 == 0 }.map { "198.19.\($0 >> 8).\($0 & 255),80" }
    #expect(found[0].isDisjoint(with: found[1]))
    #expect(found[0].union(found[1]) == Set(all))
    for (shard, found) in found.enumerated() {
      let summary = try JSON.numbers(file: "\(directory)/\(shard).json")
      #expect(summary["replies_valid"] == Double(found.count))
      #expect(try #require(summary["replies_invalid"]) > 0, "the other shard's replies were seen")
    }
    #expect(try node.end()["syns_valid"] == 1024)
  }
}
