import Foundation
import LabSupport
import LabTraits
import Testing
import Wire

/// The target node's rule for `--answer 20%`: `pair_hash` and `is_open` in bpf/responder.bpf.c.
private struct Share {
  private let start: SipHash13

  init(seed: UInt64) { start = SipHash13(key: SipHashKey(k0: seed, k1: 0)) }

  func isOpen(_ address: UInt32, _ port: UInt16) -> Bool {
    var hash = start
    // In network byte order, as in the packet.
    hash.compress(UInt64(address.byteSwapped) | UInt64(port.byteSwapped) << 32)
    hash.compress(8 << 56)
    return Double(UInt32(truncatingIfNeeded: hash.finish())) < (0.2 * 4_294_967_296).rounded()
  }
}

@Suite(.serialized, .alone, .timeLimit(.minutes(10)))
struct `A scan of two ports of a /13, a fifth of them open, at 500,000 pps` {
  private static let (network, hosts): (UInt32, UInt32) = (96 << 24, 1 << 19)

  @Test func `finds exactly the open targets, three times in a row`() throws {
    let lab = try Lab()
    let directory = try Lab.temporaryDirectory()
    let share = Share(seed: 7)
    var expected: [UInt64] = []
    for host in 0..<Self.hosts {
      for port: UInt16 in [80, 443] where share.isOpen(Self.network + host, port) {
        expected.append(UInt64(Self.network + host) << 16 | UInt64(port))
      }
    }
    for run in 1...3 {
      let node = try lab.respond(["--answer", "20%", "--seed", "7"])
      let scan = try lab.scan([
        "-q", "-p", "80,443", "-r", "500k", "-c", "2", "-S", "198.18.0.1-198.18.0.64", "-o",
        "\(directory)/results.csv", "-m", "\(directory)/summary.json", "96.0.0.0/13",
      ])
      #expect(scan.status == 0, "\(scan.errors)")
      let results = try pairs("\(directory)/results.csv").sorted()
      #expect(results.count == expected.count, "run \(run)")
      #expect(results == expected, "run \(run)")
      let counts = try node.end()
      #expect(counts["syns_valid"] == Int(2 * Self.hosts))
      #expect(counts["answers_sent"] == expected.count)
      #expect(counts["rsts_received"] == expected.count)
      let summary = try JSON.numbers(file: "\(directory)/summary.json")
      #expect(summary["events_lost"] == 0)
      #expect(summary["replies_reported"] == summary["results_written"])
    }
  }

  /// The rows `saddr,sport` of a results file as numbers, including duplicates.
  private func pairs(_ path: String) throws -> [UInt64] {
    let bytes = try #require(FileManager.default.contents(atPath: path))
    let lines = [UInt8](bytes).split(separator: UInt8(ascii: "\n"))
    #expect(lines.first.map { String(decoding: $0, as: UTF8.self) } == "saddr,sport")
    return lines.dropFirst().map { line in
      var (number, pair): (UInt64, UInt64) = (0, 0)
      for byte in line {
        if byte >= UInt8(ascii: "0") {
          number = number * 10 + UInt64(byte - UInt8(ascii: "0"))
        } else {
          pair = pair << 8 | number
          number = 0
        }
      }
      return pair << 16 | number
    }
  }
}
