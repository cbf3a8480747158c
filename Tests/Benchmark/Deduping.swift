// What the dedupe table costs with ten million distinct answers, in time and in memory.
import Kernel
import Scan
import Wire

/// Distinct (address, port) pairs. Addresses differ first, as they do in a scan of a few ports.
private func answer(_ number: UInt32) -> Reply {
  Reply(
    kind: .open, time: 0, source: IPv4Address(number &* 0x9e37_79b1), sourcePort: Port(443),
    destination: IPv4Address(198, 18, 0, 1), destinationPort: Port(40_000), identification: 0,
    timeToLive: 64)
}

/// New pairs from an empty table on, its growth included, and the same pairs once more. Memory is the
/// process's own peak while that goes on, as the kernel counts it, beyond what it had before.
func measureDeduping(_ report: inout Report) {
  let pairs: UInt32 = 10_000_000
  let repetitions = 3
  var (inserting, knowing) = (Double.infinity, Double.infinity)
  report.add("dedupe_peak_10_million", "bytes/answer") {
    var most = 0.0
    for _ in 0..<repetitions {
      let before = try residentBytes(restartingPeak: true)
      var table = DedupeTable(key: .random(), bytesMax: 1 << 30)
      inserting = min(inserting, try seconds(pairs, in: &table, expecting: .new))
      most = max(most, Double(try residentBytes(restartingPeak: false) - before) / Double(pairs))
      knowing = min(knowing, try seconds(pairs, in: &table, expecting: .duplicate))
    }
    return most
  }
  report.add("dedupe_insert_10_million", Double(pairs) / inserting, "inserts/s")
  report.add("dedupe_repeat_10_million", Double(pairs) / knowing, "lookups/s")
}

private func seconds(
  _ pairs: UInt32, in table: inout DedupeTable, expecting verdict: DedupeTable.Verdict
) throws -> Double {
  let start = Clock.monotonic
  var others = 0
  // As many at a time as the scan takes from the ring.
  let size: UInt32 = 256
  var replies: [Reply] = []
  var verdicts: [DedupeTable.Verdict] = []
  for first in stride(from: 0, to: pairs, by: Int(size)) {
    replies.removeAll(keepingCapacity: true)
    for number in first..<min(pairs, first + size) { replies.append(answer(number)) }
    table.insert(replies, &verdicts)
    for found in verdicts where found != verdict { others += 1 }
  }
  let time = Clock.monotonic - start
  guard others == 0, table.evictions == 0 else {
    throw Fault("of \(pairs) pairs \(others) were not \(verdict), \(table.evictions) were forgotten")
  }
  return Double(time) / 1e9
}

/// What this process has in memory (proc_pid_status(5)): now, for a new peak to begin here; else its peak.
private func residentBytes(restartingPeak: Bool) throws -> Int {
  if restartingPeak { try SmallFile.write("5", to: "/proc/self/clear_refs") }
  return Int(try TaskStatus.peakResidentBytes())
}
