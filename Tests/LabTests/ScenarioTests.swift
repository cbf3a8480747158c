import Foundation
import LabSupport
import LabTraits
import Testing

/// The even addresses of 198.19.0.0/20 on port 80, as result rows.
private let evenResults = Set(
  (0..<4096).filter { $0 % 2 == 0 }.map { "198.19.\($0 >> 8).\($0 & 255),80" })

/// A combination of transmitter and receive mode.
struct DataPath: CustomTestStringConvertible, Sendable {
  let arguments: [String]
  /// The kernel's TCP sends the RSTs, so the summary does not count them.
  var kernelResets = false
  var testDescription: String { arguments.joined(separator: " ") }

  static let all: [DataPath] = [
    DataPath(arguments: ["--transmit", "generator"]),
    DataPath(arguments: ["--transmit", "generator", "--batch", "1"]),
    DataPath(arguments: ["--transmit", "generator", "--receive", "xdp-generic"]),
    DataPath(arguments: ["--transmit", "generator", "--receive", "packet"], kernelResets: true),
    DataPath(arguments: ["--transmit", "generator", "--sender-threads", "2"]),
    DataPath(arguments: ["--transmit", "packet"]),
    DataPath(arguments: ["--transmit", "packet", "--batch", "1"]),
    DataPath(arguments: ["--transmit", "xdp"]),
    DataPath(arguments: ["--transmit", "xdp-copy", "--batch", "1"]),
    DataPath(arguments: ["--transmit", "xdp", "--sender-threads", "3"]),
    DataPath(arguments: ["--transmit", "xdp", "--receive", "xdp-generic"]),
    DataPath(arguments: ["--transmit", "packet", "--receive", "packet"], kernelResets: true),
  ]
}

@Suite(.serialized, .lab, .timeLimit(.minutes(10)))
struct `A scan of a /20 at 100,000 pps, with even addresses open` {
  @Test(arguments: DataPath.all)
  func `agrees with the target node and with theory`(path: DataPath) throws {
    let lab = try Lab()
    let node = try lab.respond(["--answer", "even"])
    let directory = try Lab.temporaryDirectory()
    let metadata = "\(directory)/summary.json"
    let scan = try lab.scan(
      path.arguments + [
        "-p", "80", "-r", "100k", "-c", "1", "-S", "198.18.0.1-198.18.0.64", "-m", metadata,
        "198.19.0.0/20",
      ])
    #expect(scan.status == 0, "\(scan.errors)")
    #expect(scan.lines.first == "saddr,sport")
    #expect(scan.lines.count == 2049)
    #expect(Set(scan.lines.dropFirst()) == evenResults)
    let counts = try node.end()
    #expect(counts["syns_valid"] == 4096)
    #expect(counts["syns_invalid"] == 0)
    #expect(counts["answers_sent"] == 2048)
    #expect(counts["rsts_received"] == 2048)
    #expect(counts["rsts_invalid"] == 0)
    let summary = try JSON.numbers(file: metadata)
    #expect(summary["probes_generated"] == 4096 + (summary["probes_refused"] ?? 0))
    #expect(summary["probes_completed"] == 4096)
    #expect(summary["replies_valid"] == 2048)
    #expect(summary["replies_invalid"] == 0)
    #expect(summary["results_written"] == 2048)
    #expect(summary["replies_reported"] == 2048)
    #expect(summary["rst_sent"] == (path.kernelResets ? 0 : 2048))
  }
}

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `The results of a scan` {
  @Test func `have closed and open ports once each, with --report closed`() throws {
    let lab = try Lab()
    let node = try lab.respond(["--answer", "even", "--closed", "rst"])
    let scan = try lab.scan([
      "-q", "-p", "80,443", "-r", "20k", "-c", "1", "--report", "closed", "-f",
      "saddr,sport,classification,success", "198.19.7.0/26",
    ])
    let expected = (0..<64).flatMap { host in
      [80, 443].map {
        "198.19.7.\(host),\($0),\(host % 2 == 0 ? "synack,1" : "rst,0")"
      }
    }
    #expect(Set(scan.lines.dropFirst()) == Set(expected))
    #expect(scan.lines.count == 129)
    #expect(try node.end()["refusals_sent"] == 64)
  }

  @Test func `are JSON objects, one a line, with ZMap's fields`() throws {
    let lab = try Lab()
    let node = try lab.respond(["--answer", "all"])
    let fields = [
      "saddr", "daddr", "sport", "dport", "seqnum", "acknum", "window", "ttl", "ipid",
      "classification", "success", "repeat", "cooldown", "timestamp_str", "timestamp_ts",
      "timestamp_us", "tcpopt_mss", "icmp_type",
    ]
    let scan = try lab.scan([
      "-q", "-p", "80", "-c", "1", "-O", "json", "-f", fields.joined(separator: ","), "-s",
      "50000", "198.19.7.8/30",
    ])
    #expect(scan.lines.count == 4)
    for line in scan.lines {
      let object = try JSON.object(line)
      #expect(Set(object.keys) == Set(fields))
      #expect(object["dport"] as? Int == 50000)
      #expect(object["daddr"] as? String == "198.18.0.1")
      #expect(object["success"] as? Int == 1)
      #expect(object["icmp_type"] is NSNull)
      let time = try #require(object["timestamp_ts"] as? Double)
      #expect(abs(time - Date().timeIntervalSince1970) < 60)
    }
    _ = try node.end()
  }

  @Test func `are exactly as many as --max-results allows`() throws {
    let lab = try Lab()
    let node = try lab.respond(["--answer", "all"])
    let scan = try lab.scan(["-q", "-p", "80", "-r", "0", "-N", "100", "198.19.0.0/18"])
    #expect(scan.status == 0)
    #expect(scan.lines.count == 101)
    _ = try node.end()
  }

  @Test func `have each target once, however often --probes has it probed`() throws {
    let lab = try Lab()
    let node = try lab.respond(["--answer", "all"])
    let scan = try lab.scan([
      "-q", "-p", "80", "-r", "50k", "-P", "3", "-c", "1", "198.19.4.0/24",
    ])
    #expect(scan.lines.count == 257)
    let counts = try node.end()
    #expect(counts["syns_valid"] == 768)
    #expect(counts["rsts_received"] == 768)
  }

  @Test func `have every target even if the rate is too low for all sending threads`() throws {
    let lab = try Lab()
    let node = try lab.respond(["--answer", "all"])
    let scan = try lab.scan([
      "-q", "-p", "80", "-r", "2", "-T", "3", "-c", "1", "198.19.4.0/30",
    ])
    #expect(scan.lines.count == 5)
    #expect(try node.end()["syns_valid"] == 4)
  }

  @Test func `are the same in two scans of a share of the targets`() throws {
    let lab = try Lab()
    let node = try lab.respond(["--answer", "20%", "--seed", "7"])
    let first = try lab.scan(["-q", "-p", "80,443", "-r", "100k", "-c", "1", "198.19.0.0/20"])
    let second = try lab.scan(["-q", "-p", "80,443", "-r", "100k", "-c", "1", "198.19.0.0/20"])
    #expect(Set(first.lines) == Set(second.lines))
    // 8,192 pairs: mean 1,638, standard deviation 36. The bounds are ten standard deviations.
    #expect((1_278...1_998).contains(first.lines.count - 1))
    #expect(try node.end()["answers_sent"] == (first.lines.count - 1) * 2)
  }
}

@Suite(.serialized, .alone, .timeLimit(.minutes(10))) struct `The target node` {
  @Test func `counts every SYN in its millisecond`() throws {
    let lab = try Lab()
    let directory = try Lab.temporaryDirectory()
    let arrivals = "\(directory)/arrivals.csv"
    let node = try lab.respond(["--answer", "even", "--arrivals", arrivals])
    _ = try lab.scan([
      "-q", "-p", "80", "-r", "2k", "-c", "0", "-m", "\(directory)/summary.json", "198.19.0.0/22",
    ])
    #expect(try node.end()["syns_valid"] == 1024)
    let rows = try String(contentsOfFile: arrivals, encoding: .utf8).split(separator: "\n")
    #expect(rows.first == "millisecond,syns")
    let counts = rows.dropFirst().compactMap { Int($0.split(separator: ",")[1]) }
    #expect(counts.reduce(0, +) == 1024)
    #expect(try #require(counts.first) > 0)
    #expect(try #require(counts.last) > 0)
    // 1,024 probes at 2,000 pps take 511 ms; longer if the processor was busy, but then the scan has noticed it, too.
    let summary = try JSON.object(
      String(contentsOfFile: "\(directory)/summary.json", encoding: .utf8))
    let duration = try #require(summary["duration_seconds"] as? Double)
    #expect(counts.count >= 480)
    #expect(counts.count <= Int(duration * 1e3) + 1)
  }
}

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `Targets from standard input` {
  @Test(arguments: [Data("198.19.0.2\n".utf8), Data([0xc6, 0x13, 0, 2, 0, 0, 0, 0])])
  func `give the same result as text and in binary`(input: Data) throws {
    let lab = try Lab()
    let node = try lab.respond(["--answer", "even"])
    let scan = try lab.scan(["-q", "-p", "80", "-c", "1"], input: input)
    #expect(scan.lines == ["saddr,sport", "198.19.0.2,80"])
    #expect(try node.end()["syns_valid"] == 1)
  }
}
