// Measures the time and memory of the dedupe table with ten million distinct replies.
import Kernel
import Scan
import Wire

/// Returns a reply from a distinct address, as in a scan of one port.
private func reply(_ number: UInt32) -> Reply {
  Reply(
    kind: .open, time: 0, source: IPv4Address(number &* 0x9e37_79b1), sourcePort: Port(443),
    destination: IPv4Address(198, 18, 0, 1), destinationPort: Port(40_000), identification: 0,
    timeToLive: 64)
}

/// Measures insertSeconds new pairs into an empty table, with its growth, and looking them up again. Memory is the growth
/// of the process's peak resident size meanwhile.
func measureDeduping(_ report: inout Report) {
  let pairs: UInt32 = 10_000_000
  let repetitions = 3
  var (insertSeconds, lookupSeconds) = (Double.infinity, Double.infinity)
  report.add("dedupe_peak_10_million", "bytes/answer") {
    var peak = 0.0
    for _ in 0..<repetitions {
      let before = try residentBytes(restartingPeak: true)
      var table = DedupeTable(key: .random(), bytesMax: 1 << 30)
      insertSeconds = min(insertSeconds, try seconds(pairs, in: &table, expecting: .new))
      peak = max(peak, Double(try residentBytes(restartingPeak: false) - before) / Double(pairs))
      lookupSeconds = min(lookupSeconds, try seconds(pairs, in: &table, expecting: .duplicate))
    }
    return peak
  }
  report.add("dedupe_insert_10_million", Double(pairs) / insertSeconds, "inserts/s")
  report.add("dedupe_repeat_10_million", Double(pairs) / lookupSeconds, "lookups/s")
}

private func seconds(
  _ pairs: UInt32, in table: inout DedupeTable, expecting verdict: DedupeTable.Verdict
) throws -> Double {
  let start = Clock.monotonic
  var others = 0
  // The number that a scan drains from the ring in one call.
  let size: UInt32 = 256
  var replies: [Reply] = []
  var verdicts: [DedupeTable.Verdict] = []
  for first in stride(from: 0, to: pairs, by: Int(size)) {
    replies.removeAll(keepingCapacity: true)
    for number in first..<min(pairs, first + size) { replies.append(reply(number)) }
    table.insert(replies, &verdicts)
    for found in verdicts where found != verdict { others += 1 }
  }
  let time = Clock.monotonic - start
  guard others == 0, table.evictions == 0 else {
    throw Fault("\(others) of \(pairs) pairs were not \(verdict), \(table.evictions) were evicted")
  }
  return Double(time) / 1e9
}

/// Returns the peak resident size of this process in bytes (proc_pid_status(5)), after resetting it to the current size
/// if `restartingPeak`.
private func residentBytes(restartingPeak: Bool) throws -> Int {
  if restartingPeak { try SmallFile.write("5", to: "/proc/self/clear_refs") }
  return Int(try TaskStatus.peakResidentBytes())
}
