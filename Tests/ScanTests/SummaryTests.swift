import Foundation
import Scan
import Testing
import Wire

/// Reads a page of docs/reference in the nearest directory above this file that contains it: `make unit` compiles the
/// tests at another path.
private func referencePage(_ name: String) throws -> String {
  var directory = URL(filePath: #filePath)
  while directory.path() != "/" {
    directory.deleteLastPathComponent()
    let page = directory.appending(path: "docs/reference/\(name)")
    if let text = try? String(contentsOf: page, encoding: .utf8) { return text }
  }
  throw CocoaError(.fileNoSuchFile)
}

@Suite(.timeLimit(.minutes(5))) struct `A summary` {
  private static func example() -> Summary {
    var summary = Summary()
    summary.version = "synbox 1.0 \"test\""
    summary.started = 1_700_000_000 * 1_000_000_000
    summary.ended = summary.started + 12_500_000_000
    summary.interface = "eth0"
    summary.transmitModes = ["xdp-copy:0", "xdp-copy:1"]
    summary.seed = .max
    summary.probesGenerated = 1_000
    summary.probesCompleted = 990
    summary.probesRefused = 10
    summary.sendingSeconds = 0.5
    summary.repliesOpen = 5
    summary.repliesClosed = 7
    summary.repliesICMP = 9
    return summary
  }

  @Test func `has the members that scripts rely on`() throws {
    let members = try object(Self.example().json)
    let documented = [
      "format", "version", "started", "ended", "duration_seconds", "interface", "driver",
      "transmit_mode",
      "receive_mode", "seed", "shard", "shards", "targets_total", "targets_out_of_scope",
      "probes_denied", "probes_generated", "probes_completed", "probes_refused", "rate_requested_pps",
      "rate_achieved_pps", "burst_probes", "replies_received", "replies_invalid", "replies_valid",
      "replies_open",
      "replies_closed", "replies_icmp", "rst_sent", "events_lost", "duplicates",
      "packets_seen", "packets_withheld", "fates", "source_use", "rst_mode",
      "checksum_mode",
      "replies_unprobed_source", "replies_unprobed_target", "rst_withheld", "dedupe_evictions",
      "results_written", "cpu_user_seconds", "cpu_system_seconds",
      "peak_rss_bytes", "resumed", "scope_sha256", "numbering", "targets_denied", "deny_sequence",
    ]
    #expect(documented.filter { members[$0] == nil } == [])
  }

  @Test func `has sums that agree with their parts`() throws {
    let members = try object(Self.example().json)
    func number(_ name: String) -> UInt64 { (members[name] as? NSNumber)?.uint64Value ?? 0 }
    #expect(
      number("probes_generated") == number("probes_completed") + number("probes_refused"))
    #expect(number("replies_valid") == 21)
    #expect(members["duration_seconds"] as? Double == 12.5)
    #expect(members["rate_achieved_pps"] as? Double == 1980)
    #expect(members["started"] as? String == "2023-11-14T22:13:20.000Z")
    #expect(number("seed") == .max)
    #expect(members["transmit_mode"] as? [String] == ["xdp-copy:0", "xdp-copy:1"])
    #expect(members["version"] as? String == "synbox 1.0 \"test\"")
  }

  @Test func `has every fate by its name, and their sum`() throws {
    var summary = Self.example()
    for fate in Fate.allCases { summary.fates[fate] = 1 << UInt64(fate.rawValue) }
    let members = try object(summary.json)
    let fates = try #require(members["fates"] as? [String: UInt64])
    #expect(
      fates
        == Dictionary(uniqueKeysWithValues: Fate.allCases.map { ($0.name, 1 << UInt64($0.rawValue)) }))
    #expect(members["packets_seen"] as? UInt64 == (1 << UInt64(Fate.allCases.count)) - 1)
  }

  @Test func `has a duration of 0 if the clock was set back`() throws {
    var summary = Self.example()
    summary.ended = summary.started - 1
    #expect(try object(summary.json)["duration_seconds"] as? Double == 0)
  }

  @Test func `has a rate of 0 if nothing was sent`() throws {
    #expect(try object(Summary().json)["rate_achieved_pps"] as? Double == 0)
  }

  @Test func `carries only reasons and modes that docs/reference/summary.md lists`() throws {
    let page = try referencePage("summary.md")
    func row(_ member: String) -> Substring? {
      page.split(separator: "\n").first { $0.hasPrefix("| `\(member)` |") }
    }
    func values(_ member: String) -> Set<String> {
      let cell = row(member)?.split(separator: "|").last ?? ""
      let parts = cell.split(separator: "`", omittingEmptySubsequences: false)
      return Set(parts.indices.filter { $0 % 2 == 1 }.map { String(parts[$0]) })
    }
    // A job that was suspended resumes, so no summary is written with these.
    let final = Summary.EndReason.allCases.filter { $0 != .preempted && $0 != .paused }
    #expect(values("ended_because") == Set(final.map(\.rawValue)))
    #expect(values("rst_mode") == Set(Summary.RSTMode.allCases.map(\.rawValue)))
    #expect(values("source_use") == Set(Summary.SourceUse.allCases.map(\.rawValue)))
    #expect(values("checksum_mode") == Set(Summary.ChecksumMode.allCases.map(\.rawValue)))

    var summary = Self.example()
    summary.endedBecause = .maxResults
    #expect(try object(summary.json)["ended_because"] as? String == "max-results")
  }

  @Test func `has one member per line and ends with a newline`() {
    let text = String(decoding: Self.example().json, as: UTF8.self)
    #expect(text.hasPrefix("{\n  \"format\": 2,\n  \"version\": "))
    #expect(text.hasSuffix("\n}\n"))
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A JSON object` {
  @Test func `encodes every character so that Foundation decodes it`() throws {
    let hostile = String(String.UnicodeScalarView((0..<0x80).map { Unicode.Scalar($0)! }))
    for text in [hostile, "", "\\\"", "Zürich \u{1F4E6} \u{2028}", "\u{0}"] {
      var built = JSONObject()
      built.add(text, text)
      #expect(try object(built.line) as? [String: String] == [text: text])
      #expect(try object(built.lines) as? [String: String] == [text: text])
    }
  }

  @Test func `can contain objects and arrays`() throws {
    var inner = JSONObject()
    inner.add("flag", true)
    var outer = JSONObject()
    outer.add("one", inner)
    outer.add("many", [inner, inner])
    outer.add("none", [JSONObject]())
    outer.add("texts", [String]())
    let text = String(decoding: outer.line, as: UTF8.self)
    #expect(
      text == #"{"one": {"flag": true}, "many": [{"flag": true}, {"flag": true}], "#
        + #""none": [], "texts": []}"#)
    #expect(try object(outer.line).count == 4)
  }

  @Test(arguments: [
    0, -0.5, 1e-9, 0.1, 1.0 / 3, 1e15, 1e300, .greatestFiniteMagnitude, .infinity, .nan,
  ])
  func `encodes every number so that Foundation decodes it`(number: Double) throws {
    var built = JSONObject()
    built.add("n", number)
    let value = try object(built.line)["n"]
    if number.isFinite {
      let back = try #require(value as? Double)
      #expect(abs(back - number) <= max(5e-7, number.magnitude * 1e-9))
    } else {
      #expect(value is NSNull)
    }
  }
}
