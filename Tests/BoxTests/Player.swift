// Plays event lists on a box, on virtual time.
import Box
import BoxAPI
import Plan

/// Plays an event list on a box.
struct Player {
  /// What the runtime would find.
  struct World {
    var files: [SpoolFile] = []
    var cancellations: [String] = []
    var unusable: [String] = []
    /// Files for which the spool has no room.
    var refused: Set<String> = []
    var ignored: [String] = []
    var arriving = 0
    var percent = 10
    var fetched: [String] = []
    var listingFails = false
    var statusFails = false
  }

  private(set) var box: Box
  private var world = World()
  private(set) var now: UInt64 = 1_000_000_000
  private var serial: UInt64 = 0
  private var effects: [String] = []
  private(set) var logs: [LogEntry] = []
  private var recovered = Recovery()

  init(slots: Int = 64) {
    var limits = Box.Limits()
    limits.slots = slots
    box = Box(data: "/data", diskHighWater: 90, scopeSHA256: "s1", limits: limits)
  }

  /// Plays a line. Returns what went wrong; nil if nothing did.
  mutating func play(_ line: String) -> String? {
    let sides = line.split(separator: "->", maxSplits: 1, omittingEmptySubsequences: false)
    let words = sides[0].split(separator: " ").map(String.init)
    effects = []
    switch words[0] {
    case "=": return look(words)
    case "log", "nolog":
      let text = words.dropFirst().joined(separator: " ")
      let isLogged = logs.contains { $0.message == text }
      defer { logs = [] }
      return isLogged == (words[0] == "log") ? nil : "logged: \(logs.map(\.message))"
    case "given":
      given(words)
      return nil
    default: happen(words)
    }
    let expected =
      sides.count < 2 ? [] : sides[1].split(separator: ",").map(Self.trimmed).filter { !$0.isEmpty }
    return expected == effects ? nil : "expected \(expected), found \(effects)"
  }

  private static func trimmed(_ text: Substring) -> String {
    String(text.split(separator: " ").joined(separator: " "))
  }

  // MARK: - Events

  mutating func send(_ event: Event) {
    var events = [event]
    while !events.isEmpty {
      for effect in box.handle(events.removeFirst(), at: now) {
        switch effect {
        case .spool(.list): events.append(.spool(world.listingFails ? .failed(disk) : .listed(listing)))
        case .disk(.measure): events.append(.disk(.used(percent: world.percent)))
        case .disk(.listFetched): events.append(.disk(.fetched(world.fetched)))
        case .publish: events.append(.published(world.statusFails ? .failed("no") : .written))
        case .log(let entry): logs.append(entry)
        default: effects.append(Self.text(effect))
        }
      }
    }
  }

  private var disk: Failure { Failure(.storage, "disk") }

  private var listing: SpoolListing {
    var listing = SpoolListing()
    listing.queue = world.files.sorted { ($1.priority, $0.arrived) < ($0.priority, $1.arrived) }
    listing.cancellations = world.cancellations.map { Cancellation(file: "\($0).cancel", job: $0) }
    for file in world.files where world.refused.contains(file.name) {
      listing.refused[file] = "no room"
    }
    listing.unusable = world.unusable
    listing.ignored = world.ignored
    listing.arriving = world.arriving
    return listing
  }

  /// Lets time pass, with a tick every 100 ms.
  private mutating func pass(_ milliseconds: UInt64) {
    for _ in 0..<max(1, milliseconds / 100) {
      now += 100_000_000
      send(.tick)
    }
  }

  private mutating func change() {
    send(.spoolChanged)
    pass(200)
  }

  private mutating func happen(_ words: [String]) {
    let subject = words.count > 1 ? words[1] : ""
    let last = words.last ?? ""
    switch words[0] {
    case "start":
      recovered = Recovery()
      for (index, name) in words.dropFirst().enumerated() {
        recovered.jobs.append(Self.job(name, index))
      }
      send(.tick)
    case "tick": pass(UInt64((Double(subject) ?? 0.1) * 1000))
    case "sigterm": send(.signal(.terminate))
    case "sigint": send(.signal(.interrupt))
    case "sighup": send(.signal(.hangUp))
    case "fault": send(.fault("broken"))
    case "storage":
      send(.storage(subject == "works" ? .works : subject == "full" ? .full("disk") : .failed("disk")))
    case "writer": send(.writer(subject == "writes" ? .writes : .stalled(since: now)))
    case "link": send(.link(subject == "up" ? .up : .down("eth0 is down")))
    case "gateway": send(.gateway(subject == "replies" ? .replies : .silent("gateway is silent")))
    case "scope":
      switch subject {
      case "unchanged": send(.scope(.unchanged))
      case "invalid": send(.scope(.invalid(words.count > 2 ? last : "never.txt:1:1")))
      default: send(.scope(.valid(sha256: subject, newlyDenied: 1)))
      }
    case "licence":
      let reason = words.dropFirst(2).joined(separator: " ")
      switch subject {
      case "valid": send(.licence(.valid))
      case "zero": send(.licence(.withoutRate("no rate")))
      default: send(.licence(.invalid(reason)))
      }
    case "reload":
      let mark = words.count > 2 ? Int(words[2]) ?? 90 : 90
      let hash = words.count > 3 ? words[3] : "s1"
      send(
        .reload(
          subject == "rejected"
            ? .rejected("mistake")
            : .applied(diskHighWater: mark, scopeSHA256: hash, newlyDenied: 0)))
    case "status": world.statusFails = subject == "fails"
    case "file", "gone", "refused", "cancel", "uncancel", "unusable", "ignored", "arriving", "listing":
      changeSpool(words)
    case "disk", "fetched", "removed": happenToDisk(words)
    case "check":
      let answer: CheckAnswer =
        switch last {
        case "valid": .valid
        case "invalid": .invalid("\(subject):1:1: found x\nmore")
        default: .failed(Self.failure(last))
        }
      send(.checked(world.files.first { $0.name == subject } ?? Self.unknown(subject), answer))
    case "recovered":
      for (index, name) in words.dropFirst().enumerated() {
        recovered.jobs.append(Self.job(name, index))
      }
      let found = recovered
      recovered = Recovery()
      send(.spool(.recovered(found)))
    case "claimed", "rejected", "cancelled", "absent", "requests", "spool": answer(words)
    default: happenToJob(words)
    }
  }

  private static func unknown(_ name: String) -> SpoolFile {
    SpoolFile(name: name, priority: Priority(50), arrived: 0)
  }

  /// A job from its text: `a` or `a!90`.
  private static func job(_ text: String, _ index: Int) -> JobInfo {
    let parts = text.split(separator: "!")
    return JobInfo(
      name: String(parts[0]), priority: Priority(parts.count > 1 ? UInt8(parts[1]) ?? 50 : 50),
      created: "\(100 + index)", starts: 1)
  }

  static func failure(_ kind: String) -> Failure {
    switch kind {
    case "storage": Failure(.storage, "disk")
    case "full": Failure(.full, "disk")
    case "link": Failure(.link, "carrier lost")
    case "gateway": Failure(.gateway, "gateway is silent")
    case "entry": Failure(.entry, "permission denied")
    case "box": Failure(.box, "broken")
    default: preconditionFailure("no such failure: \(kind)")
    }
  }

  private mutating func changeSpool(_ words: [String]) {
    let subject = words.count > 1 ? words[1] : ""
    switch words[0] {
    case "file":
      serial += 1
      let priority = words.count > 2 ? UInt8(words[2]) ?? 50 : 50
      world.files.removeAll { $0.name == subject }
      world.files.append(SpoolFile(name: subject, priority: Priority(priority), arrived: serial))
    case "gone": world.files.removeAll { $0.name == subject }
    case "refused": world.refused.insert(subject)
    case "cancel": world.cancellations.append(subject)
    case "uncancel": world.cancellations.removeAll { $0 == subject }
    case "unusable": world.unusable.append(subject)
    case "ignored": world.ignored.append(subject)
    case "arriving": world.arriving = Int(subject) ?? 0
    default: world.listingFails = subject == "fails"
    }
    change()
  }

  private mutating func happenToDisk(_ words: [String]) {
    switch (words[0], words.count > 1 ? words[1] : "") {
    case ("fetched", _): world.fetched = Array(words.dropFirst())
    case ("removed", let percent):
      if !world.fetched.isEmpty { world.fetched.removeFirst() }
      world.percent = Int(percent) ?? world.percent
      send(.disk(.removed))
    case (_, "fails"): send(.disk(.failed(Self.failure(words[2]))))
    case (_, let percent):
      world.percent = Int(percent) ?? 0
      pass(1000)
    }
  }

  /// Answers to requests to the spool.
  private mutating func answer(_ words: [String]) {
    let subject = words.count > 1 ? words[1] : ""
    switch words[0] {
    case "claimed":
      let file = world.files.first { $0.name == subject } ?? Self.unknown(subject)
      world.files.removeAll { $0.name == subject }
      serial += 1
      send(
        .spool(
          .claimed(
            JobInfo(
              name: words.count > 2 ? words[2] : subject, priority: file.priority,
              created: "\(500 + serial)", starts: 0))))
    case "rejected", "cancelled":
      world.files.removeAll { $0.name == subject }
      world.unusable.removeAll { $0 == subject }
      send(.spool(words[0] == "rejected" ? .rejected(as: subject) : .cancelled(as: subject)))
    case "absent":
      world.files.removeAll { $0.name == subject }
      send(.spool(.absent))
    case "requests":
      world.cancellations.removeAll { $0 == words.last }
      switch subject {
      case "removed": send(.spool(.removed))
      case "ended": send(.spool(.dismissed(.ended)))
      case "unknown": send(.spool(.dismissed(.rejected(as: words[2]))))
      default:
        world.cancellations.append(words[2])
        send(.spool(.dismissed(.deferred)))
      }
    default: send(.spool(.failed(Self.failure(words[2]))))
    }
  }

  private mutating func happenToJob(_ words: [String]) {
    let event: JobEvent
    switch words[0] {
    case "prepared": event = .prepared
    case "unfit": event = .unfit("\(words[1]):1:1: found x")
    case "unprepared": event = .unprepared(Self.failure(words[2]))
    case "progress": event = .progress(Self.progress(UInt64(words[2]) ?? 0))
    case "sent": event = .sent
    case "ended":
      let end: ScanEnd =
        switch words[2] {
        case "complete": .complete
        case "stopped": .stopped
        default: .failed(Self.failure(words[2]))
        }
      event = .ended(end, last: words.count > 3 ? Self.progress(UInt64(words[3]) ?? 0) : nil)
    case "settled": event = .settled(as: words[1])
    case "unsettled": event = .unsettled(Self.failure(words[2]))
    default: preconditionFailure("no such event: \(words)")
    }
    send(.job(words[1], event))
  }

  private static func progress(_ probes: UInt64) -> ScanProgress {
    var progress = ScanProgress()
    progress.elapsed = probes * 1_000_000
    progress.probesTotal = 1000
    progress.counters[.probesCompleted] = probes
    progress.counters[.results] = probes / 10
    return progress
  }

  // MARK: - Stages

  private mutating func given(_ words: [String]) {
    let name = words.count > 2 ? words[2] : "a"
    let priority = words.count > 3 ? words[3] : "50"
    let lines: [String] =
      switch words[1] {
      case "started": ["start", "recovered", "tick 0.1"]
      case "preparing": ["file \(name) \(priority)", "claimed \(name)"]
      case "sending": ["given preparing \(name) \(priority)", "prepared \(name)"]
      case "cooling": ["given sending \(name) \(priority)", "sent \(name)"]
      case "settling": ["given cooling \(name) \(priority)", "ended \(name) complete"]
      case "ready": ["given preparing \(name) \(priority)", "scope invalid", "prepared \(name)"]
      case "queued": ["given sending x", "file \(name) \(priority)", "check \(name) valid"]
      case "waiting":
        [
          "given sending \(name) \(priority)", "file x 90", "claimed x", "ended \(name) stopped",
          "settled \(name)", "prepared x",
        ]
      default: preconditionFailure("no such stage: \(words)")
      }
    for line in lines {
      let words = line.split(separator: " ").map(String.init)
      if words[0] == "given" { given(words) } else { happen(words) }
    }
    effects = []
    logs = []
  }
}
