// The rates that a collector has granted and that may still be in use.

/// Outstanding grants. The sum of the greatest of each box never exceeds the budget.
struct GrantBook: Sendable {
  struct Grant: Hashable, Sendable {
    var rate: UInt64
    /// CLOCK_BOOTTIME in nanoseconds, later than the licence's end by any clock that drifts less than 2 %.
    var until: UInt64
  }

  private(set) var outstanding: [BoxInstance: [Grant]] = [:]
  /// Nothing is granted before: what an earlier process granted is not known.
  private(set) var quietUntil: UInt64 = 0
  /// Lines in the file.
  private var lines = 0

  init() {}

  /// How long a grant counts, in nanoseconds.
  static func holdTime(_ ttl: UInt64) -> UInt64 { ttl + ttl / 50 + 50_000_000 }

  /// Reads the grants file of an earlier process. If that ran in another boot, its clock says nothing, and all of its grants
  /// count until `holdTime` from now.
  init(_ file: [UInt8], _ settings: CollectorMachine.Settings, at now: UInt64) {
    var lines = file.split(separator: 10, omittingEmptySubsequences: false)
    // The last one has no line feed; its answer was not sent.
    if !lines.isEmpty { lines.removeLast() }
    let words = lines.map { $0.split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) } }
    let header = words.first ?? []
    guard header.count == 4, header[0] == "synbox-grants", header[1] == "1",
      let ttl = UInt64(header[3])
    else {
      quietUntil = now + Self.holdTime(settings.ttl)
      return
    }
    guard header[2] == settings.bootID else {
      quietUntil = now + Self.holdTime(max(ttl, settings.ttl))
      return
    }
    for line in words.dropFirst() where line.first != "quiet" {
      guard line.count == 4, let box = BoxName(line[0]), let rate = UInt64(line[2]),
        let until = UInt64(line[3])
      else {
        quietUntil = max(quietUntil, now + Self.holdTime(max(ttl, settings.ttl)))
        continue
      }
      add(BoxInstance(box: box, instance: line[1]), Grant(rate: rate, until: until))
    }
    // A quiet time of that process may not be over.
    if let line = words.dropFirst().first(where: { $0.first == "quiet" }), line.count == 2,
      let until = UInt64(line[1])
    {
      quietUntil = max(quietUntil, until)
    }
    prune(now)
  }

  private mutating func add(_ box: BoxInstance, _ grant: Grant) {
    var grants = outstanding[box] ?? []
    // One that is lower and ends earlier cannot matter any more.
    grants.removeAll { $0.rate <= grant.rate && $0.until <= grant.until }
    grants.append(grant)
    outstanding[box] = grants
  }

  mutating func prune(_ now: UInt64) {
    for (box, grants) in outstanding where grants.contains(where: { $0.until <= now }) {
      let left = grants.filter { $0.until > now }
      outstanding[box] = left.isEmpty ? nil : left
    }
  }

  /// Returns the sum of the greatest outstanding rates of all boxes but one.
  func sum(without box: BoxInstance) -> UInt64 {
    outstanding.reduce(0) { $1.key == box ? $0 : $0 + Self.greatest($1.value) }
  }

  var sum: UInt64 { outstanding.values.reduce(0) { $0 + Self.greatest($1) } }

  func rate(of box: BoxInstance) -> UInt64 { Self.greatest(outstanding[box] ?? []) }

  private static func greatest(_ grants: [Grant]) -> UInt64 { grants.map(\.rate).max() ?? 0 }

  /// Remembers a grant, and adds what must be on disk before its licence leaves.
  mutating func grant(
    _ rate: UInt64, to box: BoxInstance, _ settings: CollectorMachine.Settings, at now: UInt64,
    _ effects: inout [CollectorMachine.Effect]
  ) {
    guard rate > 0 else { return }
    let grant = Grant(rate: rate, until: now + Self.holdTime(settings.ttl))
    add(box, grant)
    lines += 1
    if lines > 1000 + 4 * outstanding.count {
      effects.append(.replaceGrants(file(settings, at: now)))
    } else {
      effects.append(.appendGrant(Array(Self.line(box, grant).utf8)))
    }
  }

  private static func line(_ box: BoxInstance, _ grant: Grant) -> String {
    "\(box.box) \(box.instance) \(grant.rate) \(grant.until)\n"
  }

  /// The whole file.
  mutating func file(_ settings: CollectorMachine.Settings, at now: UInt64) -> [UInt8] {
    prune(now)
    var text = "synbox-grants 1 \(settings.bootID) \(settings.ttl)\n"
    if quietUntil > now { text += "quiet \(quietUntil)\n" }
    lines = 0
    for (box, grants) in outstanding.sorted(by: { $0.key < $1.key }) {
      for grant in grants {
        text += Self.line(box, grant)
        lines += 1
      }
    }
    return Array(text.utf8)
  }
}
