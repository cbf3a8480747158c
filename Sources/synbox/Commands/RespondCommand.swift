// `synbox respond`: a lab's target node.
import ArgumentParser
import Datapath
import Kernel
import NIC
import Plan
import Scan
import Wire

struct RespondCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "respond",
    abstract: "Act as a lab's target node: reply to SYNs to any address and port by a fixed rule.",
    discussion: """
      SIGUSR1 prints the counters. SIGINT and SIGTERM print them and end the command.
      """)

  @Option(name: .shortAndLong, help: "Interface to reply on.")
  var interface: String

  @Option(
    help: "Targets that are open: a share such as 20%, even (addresses), or all.", transform: rule)
  var answer: AnswerRule

  @Option(help: "Seed of the hash that selects the share.")
  var seed: UInt64 = 0

  @Option(help: "Reply to SYNs to all other targets.")
  var closed: Closed = .silent

  @Flag(help: "Print the counters as JSON, one object a line.")
  var json = false

  @Option(help: "File for the number of SYNs in each millisecond (CSV), written at the end.")
  var arrivals: String?

  @Option(
    help: ArgumentHelp(
      "Count SYNs to this prefix apart, as syns_watched.", valueName: "address/length"),
    transform: prefix)
  var watch: (address: IPv4Address, prefix: Int)?

  private static func prefix(_ text: String) throws -> (address: IPv4Address, prefix: Int) {
    let ranges = (try? AddressSet(parsing: text))?.ranges ?? []
    guard ranges.count == 1, let range = ranges.first, text.contains("/") else {
      throw ValidationError("found \"\(text)\", expected a prefix such as 198.19.48.0/20")
    }
    return (IPv4Address(range.first), (range.last ^ range.first).leadingZeroBitCount)
  }

  enum Closed: String, CaseIterable, ExpressibleByArgument { case rst, silent }

  private static func rule(_ text: String) throws -> AnswerRule {
    if text == "all" { return .all }
    if text == "even" { return .even }
    if text.hasSuffix("%"), let percent = Double(text.dropLast()), (0...100).contains(percent) {
      return .share(percent / 100)
    }
    throw ValidationError("found \"\(text)\", expected a share such as 20%, even, or all")
  }

  func run() throws {
    let signals = try SignalReader([.interrupt, .terminate, .user1])
    let state = try NetworkControl().state(of: interface)
    try state.requireCarrier()
    let responder = try Responder(
      interface: state.index, name: interface, rule: answer, seed: seed,
      closedReset: closed == .rst, redirects: state.driver == "veth",
      countsArrivals: arrivals != nil, watching: watch)
    // The lab waits for this line before it sends anything.
    try report("ready", responder)
    while true {
      _ = poll(signals.number, -1, milliseconds: 60_000)
      while let signal = signals.next() {
        try report(signal == .user1 ? "running" : "ended", responder)
        if signal == .user1 { continue }
        return try writeArrivals(responder)
      }
    }
  }

  private func writeArrivals(_ responder: Responder) throws {
    guard let arrivals else { return }
    let (milliseconds, later) = try responder.arrivals()
    guard later == 0 else {
      throw Fault("\(later) SYNs arrived after the \(milliseconds.count) ms that --arrivals can count")
    }
    var text = "millisecond,syns\n"
    for (millisecond, count) in milliseconds.enumerated() { text += "\(millisecond),\(count)\n" }
    try Files.replace(arrivals, with: Array(text.utf8), durable: false)
  }

  private func report(_ state: String, _ responder: Responder) throws {
    let time = Clock.monotonic
    let counts = try responder.counts()
    var text: [UInt8]
    if json {
      var object = JSONObject()
      object.add("time_ns", time)
      object.add("state", state)
      object.add("interface", interface)
      object.add("xdp_mode", responder.mode.rawValue)
      for (name, value) in zip(ResponderCounts.names, counts.values) { object.add(name, value) }
      text = object.line
    } else {
      let list = zip(ResponderCounts.names, counts.values).map { "\($0) \($1)" }
      text = Array("\(state): \(list.joined(separator: ", "))".utf8)
    }
    text.append(UInt8(ascii: "\n"))
    do {
      try Descriptor.standardOutput().writeAll(text)
    } catch let error as Errno {
      throw Fault("cannot write to standard output", cause: error)
    }
  }
}
