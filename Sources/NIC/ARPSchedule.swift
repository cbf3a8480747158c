// Decides which ARP request to send next and which replies to accept. Pure: time is a parameter.
import Wire

/// Resolves many addresses with a limited rate of requests, each address with up to `tries` requests.
struct ARPSchedule {
  struct Limits: Hashable, Sendable {
    /// Requests per second, for all addresses together.
    var rate = 20_000
    var tries = 3
    /// The time to wait for a reply before the next try, and after the last one.
    var timeoutMilliseconds = 1_000
  }

  private(set) var found: [IPv4Address: MACAddress] = [:]
  /// Other MAC addresses that replied, the last one for each address.
  private(set) var conflicts: [IPv4Address: MACAddress] = [:]
  /// The only MAC addresses accepted, for the addresses that have one here.
  private let pins: [IPv4Address: MACAddress]
  /// Without duplicates, in the order given.
  private let addresses: [IPv4Address]
  private let requested: Set<IPv4Address>
  private let limits: Limits
  /// The index of the next address.
  private var next = 0
  /// The number of completed tries of all addresses.
  private var completedTries = 0
  /// When the last request of the current try was sent, or the try was started.
  private var tryStarted: Int
  /// The earliest time of the next request. Never far behind the clock, so that no burst follows a pause.
  private var nextSend: Int

  /// - Parameter now: Nanoseconds of a monotonic clock, as in all methods.
  init(
    _ addresses: [IPv4Address], pins: [IPv4Address: MACAddress] = [:], limits: Limits, now: Int
  ) {
    self.pins = pins
    requested = Set(addresses)
    var seen: Set<IPv4Address> = []
    self.addresses = addresses.filter { seen.insert($0).inserted }
    self.limits = limits
    tryStarted = now
    nextSend = now
  }

  var isComplete: Bool { found.count == addresses.count || completedTries >= limits.tries }

  var unresolved: [IPv4Address] { addresses.filter { found[$0] == nil } }

  /// Returns the address to send a request for now; nil if none is due before `wake`.
  mutating func due(now: Int) -> IPv4Address? {
    while next < addresses.count, found[addresses[next]] != nil { next += 1 }
    if next == addresses.count {
      guard now >= tryStarted + limits.timeoutMilliseconds * 1_000_000 else { return nil }
      // All addresses have been tried, and the last one has had time to reply.
      completedTries += 1
      next = 0
      guard !isComplete else { return nil }
      tryStarted = now
      return due(now: now)
    }
    guard now >= nextSend else { return nil }
    let interval = 1_000_000_000 / limits.rate
    // At most 2 ms of credit, for a thread that woke up late.
    nextSend = max(nextSend, now - 2_000_000) + interval
    next += 1
    if next == addresses.count { tryStarted = max(tryStarted, now) }
    return addresses[next - 1]
  }

  /// Makes `due` return its last address again, because the send queue was full.
  mutating func retryLast() { next -= 1 }

  /// When to call `due` again, in nanoseconds.
  var wake: Int {
    next < addresses.count ? nextSend : tryStarted + limits.timeoutMilliseconds * 1_000_000
  }

  /// Records a reply. The pinned MAC address of an address counts, or else the first that replies; another one is a
  /// conflict. Replies for addresses that were not requested are ignored.
  mutating func record(_ address: IPv4Address, _ mac: MACAddress) {
    guard requested.contains(address) else { return }
    let expected = pins[address] ?? found[address] ?? mac
    if mac == expected { found[address] = mac } else { conflicts[address] = mac }
  }
}
