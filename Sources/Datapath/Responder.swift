// The target node: an XDP program that answers SYNs by a fixed rule (bpf/responder.bpf.c).
import Kernel
import Wire

/// Which (address, port) pairs the target node answers.
public enum AnswerRule: Hashable, Sendable {
  case all
  /// Addresses whose last byte is even.
  case even
  /// This share of all pairs, 0...1, chosen by hash.
  case share(Double)
}

/// Counted since the start. Names as in the JSON output.
public struct ResponderCounts: Hashable, Sendable {
  /// In the order of `enum synbox_responder_stat`.
  public static let names = [
    "packets_received", "syns_valid", "syns_invalid", "answers_sent", "refusals_sent",
    "rsts_received", "rsts_invalid", "packets_passed",
  ]
  public var values: [UInt64]
}

public final class Responder: Sendable {
  public let mode: XDPMode
  private let object: BPFObject
  private let link: XDPLink
  private let statistics: BPFMap
  private let arrivalCounters: BPFMap

  /// Loads and attaches the program; without a `mode` in native mode where the interface has it.
  ///
  /// - Parameter redirects: answers leave by redirect instead of XDP_TX. What XDP_TX sends on a veth arrives
  ///   only while the other end, too, runs a native XDP program; what is redirected also if that polls for
  ///   another reason, such as GRO.
  /// - Parameter countsArrivals: SYNs are also counted by the millisecond, see `arrivals`. It costs a look at
  ///   the clock for each.
  public init(
    interface: Int32, name: String, rule: AnswerRule, seed: UInt64, closedReset: Bool,
    redirects: Bool = false, countsArrivals: Bool = false, mode: XDPMode? = nil
  ) throws(Fault) {
    let object = try BPFObject(.responder)
    let everyone: UInt64 = 1 << 32
    let (answer, threshold): (UInt32, UInt64) =
      switch rule {
      case .all: (0, everyone)
      case .even: (1, everyone)
      case .share(let share): (2, UInt64((share * Double(everyone)).rounded()))
      }
    try object.setReadOnlyData(
      Contract.responderSettings(
        seed: seed, threshold: threshold, answer: answer, closedReset: closedReset,
        redirects: redirects, arrivals: countsArrivals))
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
        remedy: "It needs root, and an interface that holds no other XDP program")
    }
  }

  public func counts() throws(Fault) -> ResponderCounts {
    ResponderCounts(values: try statistics.perCPUSums())
  }

  /// Valid SYNs in each millisecond since the first one, up to the last in which one came; and how many came
  /// after the time that is kept.
  public func arrivals() throws(Fault) -> (milliseconds: [UInt64], later: UInt64) {
    var counters = try arrivalCounters.counters()
    let later = counters.removeLast()
    let end = counters.lastIndex { $0 > 0 }.map { $0 + 1 } ?? 0
    return (Array(counters[..<end]), later)
  }
}
