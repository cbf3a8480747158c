// Measures the checks of a valid reply on the receive thread: source, plan, and the limit of RSTs.
import Plan
import Scan
import TestSupport
import Wire

/// Measures nanoseconds per reply, in the order of a scan, so that no two replies touch the same part of the plan.
func measureChecking(_ report: inout Report) {
  let plans: [(name: String, text: () -> String)] = [
    ("range_2_28", { "16.0.0.0/4:443" }), ("million_addresses", { scattered(1_000_000) }),
    ("ten_million_addresses", { scattered(10_000_000) }),
  ]
  for (name, text) in plans {
    report.add("check_\(name)", "ns/reply") { try nanosecondsToCheck(text()) }
  }
  report.add("reset_limit", "ns/reply") {
    var limiter = ResetLimiter(key: SipHashKey(k0: 1, k1: 2), passes: 1, rate: 0)
    let replies = (0..<UInt32(1_000_000)).map {
      answer(Target(IPv4Address($0 &* 0x9e37_79b1), Port(443)))
    }
    return fastest {
      var allowed: UInt64 = 0
      for reply in replies where limiter.allows(reply, probes: 1 << 40) { allowed += 1 }
      consume(allowed)
    } / 1e6 * 1e9
  }
}

private let selection = SourceSelection(
  addresses: 64, ports: 32768...61000, key: SipHashKey(k0: 1, k1: 2))
private let sources = (0..<64).map { IPv4Address(0xc612_0001 + UInt32($0)) }

private func scattered(_ count: Int) -> String {
  var random = SeededGenerator(5)
  var text = ""
  text.reserveCapacity(count * 20)
  for _ in 0..<count {
    text += "\(IPv4Address(0x1000_0000 + UInt32.random(in: 0..<0x3000_0000, using: &random))):443\n"
  }
  return text
}

/// The reply to the probe of a target.
private func answer(_ target: Target) -> Reply {
  let (source, port) = selection.choose(
    destination: target.address.value, port: target.port.value, pass: 0)
  return Reply(
    kind: .open, time: 0, source: target.address, sourcePort: target.port,
    destination: sources[Int(source)], destinationPort: Port(port), identification: 0, timeToLive: 64)
}

private func nanosecondsToCheck(_ text: String) throws -> Double {
  let file = try TargetFile.parse(Array(text.utf8), name: "benchmark")
  let sequence = ProbeSequence(
    plan: try TargetPlan([file], defaultPorts: nil, scope: Scope()), seed: Seed(7))
  var sent = SentProbes(sequence, selection: selection, sources: sources)
  let number = 300_000
  let replies = (0..<UInt64(number)).map { position in
    let probe = sequence[position]
    return answer(Target(probe.address, probe.port))
  }
  return fastest {
    var others: UInt64 = 0
    for reply in replies where sent.mismatch(of: reply) != nil { others += 1 }
    precondition(others == 0)
    consume(others)
  } / Double(number) * 1e9
}
