import Foundation
import LabSupport
import LabTraits
import Testing

private func expectSums(_ summary: [String: Double]) {
  #expect(
    summary["replies_reported"] == (summary["results_written"] ?? -1) + (summary["duplicates"] ?? -1))
  #expect(
    summary["replies_valid"]
      == (summary["replies_open"] ?? -1) + (summary["replies_closed"] ?? -1)
      + (summary["replies_icmp"] ?? -1))
}

@Suite(.serialized, .alone, .timeLimit(.minutes(10))) struct `A host that` {
  @Test func `sends the same SYN-ACK 10,000 times yields one result and 9,999 duplicates`() throws {
    let lab = try Lab()
    let target = try ScriptedTarget(lab, ["198.19.0.1": "10000S"])
    let metadata = "\(try Lab.temporaryDirectory())/summary.json"
    let scan = try lab.scan(["-q", "-p", "80", "-c", "2", "-m", metadata, "198.19.0.1"])
    #expect(scan.lines == ["saddr,sport", "198.19.0.1,80"])
    let summary = try JSON.numbers(file: metadata)
    // All of them, except those that were lost, and counted, because the ring was full.
    #expect(summary["replies_valid"] == 10_000 - (summary["events_lost"] ?? -1))
    #expect(summary["duplicates"] == (summary["replies_valid"] ?? -1) - 1)
    #expect(summary["rst_sent"] == 3)
    #expect(summary["rst_withheld"] == (summary["replies_valid"] ?? -1) - 3)
    #expect(summary["dedupe_evictions"] == 0)
    expectSums(summary)
    _ = target
  }

  @Test func `has every port open yields a result for each, in bounded memory`() throws {
    let lab = try Lab()
    let node = try lab.respond(["--answer", "all"])
    let metadata = "\(try Lab.temporaryDirectory())/summary.json"
    let scan = try lab.scan([
      "-q", "-p", "1-65535", "-r", "100k", "-P", "2", "-c", "1", "-m", metadata, "198.19.0.1",
    ])
    #expect(Set(scan.lines.dropFirst()) == Set((1...65535).map { "198.19.0.1,\($0)" }))
    #expect(scan.lines.count == 65_536)
    let summary = try JSON.numbers(file: metadata)
    #expect(summary["duplicates"] == 65_535)
    #expect(summary["dedupe_evictions"] == 0)
    #expect(try #require(summary["peak_rss_bytes"]) < 64e6)
    expectSums(summary)
    _ = try node.end()
  }

  @Test func `has more open ports than the dedupe table holds causes reported evictions`()
    throws
  {
    let lab = try Lab()
    let node = try lab.respond(["--answer", "all"])
    let metadata = "\(try Lab.temporaryDirectory())/summary.json"
    let scan = try lab.scan([
      "-p", "1-65535", "-r", "100k", "-P", "2", "-c", "1", "--dedupe-memory", "64K", "-m", metadata,
      "198.19.0.1",
    ])
    let summary = try JSON.numbers(file: metadata)
    #expect(summary["dedupe_memory_bytes"] == 65_536)
    let evictions = try #require(summary["dedupe_evictions"])
    // 64 KiB hold 8,192 slots, of which at most four fifths are used.
    #expect(evictions >= 65_535 - 6_554)
    #expect(scan.errors.components(separatedBy: "the dedupe table is full").count == 2)
    #expect(scan.errors.contains("\(Int(evictions)) pairs evicted"))
    // No result is missing; evicted pairs may be reported twice.
    #expect(Set(scan.lines.dropFirst()).count == 65_535)
    #expect(Double(scan.lines.count - 1) == summary["results_written"])
    #expect(scan.lines.count - 1 <= 65_535 + Int(evictions))
    expectSums(summary)
    _ = try node.end()
  }

  @Test func `replies in any order is reported once, and once more if it turns out to be open`()
    throws
  {
    let replies = [
      "198.19.0.1": "RS", "198.19.0.2": "SR", "198.19.0.3": "IRS", "198.19.0.4": "1000r",
      "198.19.0.5": "SIRSrS", "198.19.0.6": "rRIS", "198.19.0.7": "3I", "198.19.0.8": "II2SRI2S",
    ]
    let lab = try Lab()
    let target = try ScriptedTarget(lab, replies)
    let scan = ["-q", "-p", "80", "-c", "1"]
    let open = try lab.scan(scan + ["198.19.0.1-198.19.0.8"])
    #expect(
      Set(open.lines.dropFirst()) == Set([1, 2, 3, 5, 6, 8].map { "198.19.0.\($0),80" }))
    #expect(open.lines.count == 7)

    let metadata = "\(try Lab.temporaryDirectory())/summary.json"
    let all = try lab.scan(
      scan + [
        "--report", "all", "-f", "saddr,classification,repeat", "-m", metadata,
        "198.19.0.1-198.19.0.8",
      ])
    let expected = [
      "1,rst,0", "1,synack,1", "2,synack,0", "3,icmp,0", "3,rst,1", "3,synack,1", "4,rst,0",
      "5,synack,0", "6,rst,0", "6,synack,1", "7,icmp,0", "8,icmp,0", "8,synack,1",
    ]
    #expect(all.lines.dropFirst().sorted() == expected.map { "198.19.0.\($0)" })
    let summary = try JSON.numbers(file: metadata)
    #expect(summary["events_lost"] == 0)
    #expect(summary["replies_open"] == 11)
    #expect(summary["replies_closed"] == 1_008)
    #expect(summary["replies_icmp"] == 9)
    expectSums(summary)
    _ = target
  }
}

@Suite(.serialized, .alone, .timeLimit(.minutes(10)))
struct `A flood of 500,000 forged SYN-ACKs a second` {
  @Test func `yields no result, hides none, and does not slow the scan`() throws {
    try #require(
      FileManager.default.isExecutableFile(atPath: Lab.benchmark),
      "there is no build/benchmark: run `make benchmark` first, or `make test`")
    let lab = try Lab()
    let node = try lab.respond(["--answer", "even"])
    let link = try run(["ip", "-n", lab.box, "-o", "link", "show", "box0"]).output.split(separator: " ")
    let mac = String(link[try #require(link.firstIndex(of: "link/ether")) + 1])
    // Not one of the host's addresses: its TCP would send an RST for each, on the processors that the target node
    // uses, too.
    let source = "198.18.0.200"
    let flood = try Running(
      lab.inside(
        lab.net,
        [
          Lab.benchmark, "forge", "--interface", "net0", "--to", mac, "--destination", source,
          "--sources", "198.19.0.0/17", "--port", "80", "--rate", "500000", "--seconds", "10",
        ]))
    try flood.wait(for: "readiness") { $0.text.contains("ready") }
    let metadata = "\(try Lab.temporaryDirectory())/summary.json"
    let scan = try lab.scan([
      "-q", "-S", source, "-p", "80", "-r", "10k", "-c", "2", "-m", metadata, "198.19.0.0/17",
    ])
    #expect(scan.status == 0, "\(scan.errors)")
    let even = (0..<32_768).filter { $0 % 2 == 0 }.map { "198.19.\($0 >> 8).\($0 & 255),80" }
    #expect(Set(scan.lines.dropFirst()) == Set(even))
    #expect(scan.lines.count == 16_385)
    let summary = try JSON.numbers(file: metadata)
    #expect(summary["replies_valid"] == 16_384)
    #expect(summary["events_lost"] == 0)
    #expect(summary["rst_sent"] == 16_384)
    // The flood reached the receive program.
    let forged = try #require(summary["replies_invalid"])
    let duration = try #require(summary["duration_seconds"])
    #expect(forged / duration > 400_000, "\(forged) in \(duration) s")
    // The pacer catches up after delays, so the average does not depend on the machine.
    #expect(abs(try #require(summary["rate_achieved_pps"]) - 10_000) < 500)
    expectSums(summary)
    let frames = try JSON.numbers(text: try #require(try flood.wait().lines.last))
    #expect(frames["frames"] == 5_000_000)
    // The target node received the scan's RSTs, and none for a forged SYN-ACK.
    #expect(try node.end()["rsts_received"] == 16_384)
  }
}
