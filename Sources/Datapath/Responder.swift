// The target node: an XDP program that replies to SYNs by a fixed rule (bpf/responder.bpf.c).
import Kernel
import Wire

/// The (address, port) pairs that are open at the target node.
public enum AnswerRule: Hashable, Sendable {
  case all
  /// Addresses whose last byte is even.
  case even
  /// This share of all pairs, from 0 to 1, chosen by hash.
  case share(Double)
}

/// The target node's counters since its start.
public struct ResponderCounts: Hashable, Sendable {
  /// The names in the JSON output, in the order of `enum synbox_responder_stat`.
  public static let names = [
    "packets_received", "syns_valid", "syns_invalid", "answers_sent", "refusals_sent",
    "rsts_received", "rsts_invalid", "packets_passed", "syns_watched",
  ]
  public var values: [UInt64]
}

/// The target node's program, attached to an interface.
public final class Responder: Sendable {
  public let mode: XDPMode
  private let object: BPFObject
  private let link: XDPLink
  private let statistics: BPFMap
  private let arrivalCounters: BPFMap

  /// Loads and attaches the program, in native mode if `mode` is nil and the interface has it.
  ///
  /// - Parameters:
  ///   - redirects: sends replies by redirect instead of XDP_TX. On a veth, XDP_TX reaches the peer only if the peer
  ///     runs a native XDP program; a redirect, whenever the peer polls, as it does with GRO.
  ///   - countsArrivals: also counts SYNs per millisecond; see `arrivals`. This reads the clock for each SYN.
  ///   - watching: a network, SYNs to which are also counted as `syns_watched`.
  public init(
    interface: Int32, name: String, rule: AnswerRule, seed: UInt64, closedReset: Bool,
    redirects: Bool = false, countsArrivals: Bool = false,
    watching: (address: IPv4Address, prefix: Int)? = nil, mode: XDPMode? = nil
  ) throws(Fault) {
    let object = try BPFObject(.responder)
    let allPairs: UInt64 = 1 << 32
    let (answer, threshold): (UInt32, UInt64) =
      switch rule {
      case .all: (Contract.answerAll, allPairs)
      case .even: (Contract.answerEven, allPairs)
      case .share(let share): (Contract.answerShare, UInt64((share * Double(allPairs)).rounded()))
      }
    let mask = watching.map { UInt32.max << UInt32(32 - $0.prefix) } ?? 0
    let watched = (network: (watching?.address.value ?? 0) & mask, mask: mask)
    try object.setReadOnlyData(
      Contract.responderSettings(
        seed: seed, threshold: threshold, answer: answer, closedReset: closedReset,
        redirects: redirects, arrivals: countsArrivals, watching: watched))
    try object.load()
    let statistics = try object.map("RESPONDER_STATS")
    let arrivalCounters = try object.map("ARRIVALS")
    let program = try object.program("responder")
    let link = try Self.attach(program, interface, name, mode)
    self.mode = link.mode
    self.object = object
    self.statistics = statistics
    self.arrivalCounters = arrivalCounters
    self.link = link
  }

  private static func attach(
    _ program: Int32, _ interface: Int32, _ name: String, _ mode: XDPMode?
  ) throws(Fault) -> XDPLink {
    if mode == nil,
      let link = try? XDPLink(program: program, interface: interface, mode: .native)
    {
      return link
    }
    do throws(Errno) {
      return try XDPLink(program: program, interface: interface, mode: mode ?? .generic)
    } catch {
      throw Fault(
        "cannot attach the target node's program to \(name)", cause: error,
        remedy: "This needs root, and an interface without another XDP program")
    }
  }

  public func counts() throws(Fault) -> ResponderCounts {
    ResponderCounts(values: try statistics.perCPUSums())
  }

  /// Returns the number of valid SYNs in each millisecond from the first SYN to the last, and how many arrived after
  /// the counters' range.
  public func arrivals() throws(Fault) -> (milliseconds: [UInt64], later: UInt64) {
    var counters = try arrivalCounters.counters()
    let later = counters.removeLast()
    let end = counters.lastIndex { $0 > 0 }.map { $0 + 1 } ?? 0
    return (Array(counters[..<end]), later)
  }
}
