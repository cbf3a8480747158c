// Which address to ask for next, and which answers to believe. Pure: time is a parameter.
import Wire

/// Asks for many addresses, a bounded number a second, each up to `tries` times.
struct ARPSchedule {
  struct Limits: Hashable, Sendable {
    /// Requests a second over all addresses.
    var rate = 20_000
    var tries = 3
    /// Between two tries for one address, and after the last one.
    var milliseconds = 1_000
  }

  private(set) var found: [IPv4Address: MACAddress] = [:]
  /// Each address once, in the order given.
  private let addresses: [IPv4Address]
  private let wanted: Set<IPv4Address>
  private let limits: Limits
  /// The next address of this round; the round number from 0.
  private var next = 0
  private var round = 0
  private var roundStarted: Int
  /// When the next request may leave. It never falls far behind the clock, so no burst follows a pause.
  private var allowed: Int

  /// Times are nanoseconds of one monotonic clock.
  init(_ addresses: [IPv4Address], limits: Limits, now: Int) {
    wanted = Set(addresses)
    var seen: Set<IPv4Address> = []
    self.addresses = addresses.filter { seen.insert($0).inserted }
    self.limits = limits
    roundStarted = now
    allowed = now
  }

  var isComplete: Bool { found.count == addresses.count || round >= limits.tries }

  var unresolved: [IPv4Address] { addresses.filter { found[$0] == nil } }

  /// The address to ask for now; nil when nothing is due before `wake`.
  mutating func due(now: Int) -> IPv4Address? {
    while next < addresses.count, found[addresses[next]] != nil { next += 1 }
    if next == addresses.count {
      guard now >= roundStarted + limits.milliseconds * 1_000_000 else { return nil }
      // The round has ended and its last request had its time.
      round += 1
      next = 0
      guard !isComplete else { return nil }
      roundStarted = now
      return due(now: now)
    }
    guard now >= allowed else { return nil }
    let interval = 1_000_000_000 / limits.rate
    // 2 ms of credit at most: what a sleeping thread may have missed.
    allowed = max(allowed, now - 2_000_000) + interval
    next += 1
    if next == addresses.count { roundStarted = max(roundStarted, now) }
    return addresses[next - 1]
  }

  /// The queue was full: the address last given by `due` is to be asked for again.
  mutating func refuse() { next -= 1 }

  /// When `due` should be asked again, in nanoseconds.
  var wake: Int {
    next < addresses.count ? allowed : roundStarted + limits.milliseconds * 1_000_000
  }

  /// An answer. Those for addresses nobody asked about, and second ones, are passed over: the first
  /// answer holds.
  mutating func learn(_ address: IPv4Address, _ mac: MACAddress) {
    guard wanted.contains(address), found[address] == nil else { return }
    found[address] = mac
  }
}
