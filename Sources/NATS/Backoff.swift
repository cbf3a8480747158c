// When to try the next server.

/// Waits grow with failures, and are spread so that a fleet does not return at once.
struct Backoff: Sendable {
  /// Nanoseconds.
  static let shortest: Int64 = 300_000_000
  static let longest: Int64 = 10_000_000_000
  /// Nanoseconds that a connection must last so that its end counts as no failure.
  static let settled: UInt64 = 10_000_000_000

  private(set) var failures = 0

  mutating func fail() { failures += 1 }
  mutating func succeed() { failures = 0 }

  /// Returns nanoseconds until the next attempt. All servers are tried before the wait doubles.
  func wait(servers: Int, using random: inout some RandomNumberGenerator) -> Int64 {
    let rounds = failures / max(1, servers)
    let most = rounds > 5 ? Self.longest : min(Self.longest, Self.shortest << rounds)
    return Int64.random(in: most / 2...most, using: &random)
  }
}

/// The servers to try in turn: those configured, then those that servers have named.
struct ServerList: Sendable {
  /// Servers that are remembered beside the configured ones.
  static let mostLearnt = 32

  private let configured: [NATSServer]
  private var learnt: [NATSServer] = []
  private var next = 0

  init(_ configured: [NATSServer]) { self.configured = configured }

  var count: Int { configured.count + learnt.count }

  /// Replaces what was learnt before. What is no literal address is left out.
  mutating func learn(_ names: [String]) {
    guard !names.isEmpty else { return }
    learnt = []
    for name in names {
      guard learnt.count < Self.mostLearnt else { return }
      guard let server = try? NATSServer(parsing: name), !learnt.contains(server),
        !configured.contains(server)
      else { continue }
      learnt.append(server)
    }
  }

  /// Returns the next server in turn; `avoided` only if there is no other.
  mutating func take(avoiding avoided: NATSServer? = nil) -> NATSServer? {
    let all = configured + learnt
    guard !all.isEmpty else { return nil }
    for _ in all {
      let server = all[next % all.count]
      next = (next + 1) % all.count
      if server != avoided || all.count == 1 { return server }
    }
    return nil
  }
}
