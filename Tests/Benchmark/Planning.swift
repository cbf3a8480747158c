// Measures the permutation, building entries from positions, and parsing target files.
import Plan
import Scan
import TestSupport
import Wire

/// Measures steps per second, in blocks of the size that a cursor uses. Counts that are not powers of two need
/// cycle walking.
func measurePermutation(_ report: inout Report) {
  let counts: [(name: String, count: UInt64)] = [
    ("2_16", 1 << 16), ("2_28", 1 << 28), ("2_32", 1 << 32), ("odd_16", 1 << 16 + 1),
    ("odd_28", 1 << 28 + 1), ("odd_32", 1 << 32 + 1), ("3_billion", 3_000_000_019),
  ]
  for (name, count) in counts {
    let permutation = Permutation(count: count, seed: 42)
    var block = [UInt64](repeating: 0, count: 128)
    let steps = 1_000_000
    let seconds = fastest {
      var (first, sum): (UInt64, UInt64) = (0, 0)
      for _ in 0..<steps / block.count {
        var span = block.mutableSpan
        permutation.fill(&span, number: span.count, from: first, stride: 1)
        sum &+= block[7]
        first = (first + UInt64(block.count)) % (count - 128)
      }
      consume(sum)
    }
    report.add("permutation_\(name)", Double(steps) / seconds, "steps/s")
  }
}

/// Measures what a sender does for each probe before its frame is stamped (Engine/ProbeSource.swift).
func measureFilling(_ report: inout Report) {
  // Ranges without holes, and one that special-purpose space divides into several segments.
  let plans = [
    ("1_port_2_16", "16.0.0.0/16:443"), ("1_port_2_28", "16.0.0.0/4:443"),
    ("1_port_holes", "192.0.0.0/4:443"), ("101_ports_2_23", "16.0.0.0/16:8000-8100"),
    ("101_ports_2_35", "16.0.0.0/4:8000-8100"),
  ]
  for (name, text) in plans {
    report.add("fill_\(name)", "ns/probe") { try nanosecondsToFill(text) }
  }
  report.add("source_selection", "ns/probe") {
    let selection = SourceSelection(
      addresses: 64, ports: 32768...61000, key: SipHashKey(k0: 1, k1: 2))
    let number = 1_000_000
    return fastest {
      var sum: UInt64 = 0
      for address in 0..<UInt32(number) {
        let (source, port) = selection.choose(destination: address, port: 443, pass: 0)
        sum &+= UInt64(source) ^ UInt64(port)
      }
      consume(sum)
    } / Double(number) * 1e9
  }
}

private func nanosecondsToFill(_ text: String) throws -> Double {
  let file = try TargetFile.parse(Array(text.utf8), name: "benchmark")
  let plan = try TargetPlan([file], defaultPorts: nil, scope: Scope())
  let sequence = ProbeSequence(plan: plan, seed: Seed(7), probes: ProbeCount(255))
  let key = SipHashKey(k0: 1, k1: 2)
  let maker = EntryMaker(
    SourceSelection(addresses: 64, ports: 32768...61000, key: key), cookie: Cookie(key: key),
    profile: .smallest, sources: (1...64).map { IPv4Address(198, 18, 0, $0) })
  var cursor = sequence.cursor()
  var probes = [Probe](repeating: sequence[0], count: 64)
  var entries = [TransmitEntry](repeating: .empty, count: 64)
  let number = 500_000
  return fastest {
    for _ in 0..<number / probes.count {
      var span = probes.mutableSpan
      let count = cursor.next(into: &span)
      for index in 0..<count {
        let probe = probes[index]
        entries[index] = maker.entry(
          destination: probe.address.value, port: probe.port.value, pass: probe.pass)
      }
    }
    consume(UInt64(entries[5].destination))
  } / Double(number) * 1e9
}

/// Measures parsing a million addresses, one a line, and as many lines of all kinds.
func measureParsing(_ report: inout Report) {
  var random = SeededGenerator(3)
  var (addresses, mixed): ([UInt8], [UInt8]) = ([], [])
  for number in 0..<1_000_000 {
    addresses.append(IPv4Address(random.next()))
    addresses.append(UInt8(ascii: "\n"))
    mixed.append(IPv4Address(random.next()))
    switch number % 4 {
    case 0: mixed.append(text: "/\(24 + number % 9)")
    case 1: mixed.append(text: ":443")
    case 2: mixed.append(text: "/28:80,443,8000-8010")
    default: break
    }
    mixed.append(UInt8(ascii: "\n"))
  }
  for (name, text) in [("addresses", addresses), ("mixed", mixed)] {
    report.add("parse_\(name)", "MB/s") {
      let seconds = try fastest(of: 7) {
        consume(UInt64(try TargetFile.parse(text, name: "benchmark").entryCount))
      }
      return Double(text.count) / 1e6 / seconds
    }
  }
}
