// The state of a fleet as one value: for the operator's client, the page, and metrics.

public struct CollectorSnapshot: Hashable, Sendable {
  public enum BoxState: String, Hashable, Sendable {
    /// Waits for approval.
    case pending
    case revoked
    /// Approved, and not heard since the collector started.
    case unheard
    /// Not heard for longer than a licence lasts.
    case silent
    /// Holds shards and may send.
    case sending
    /// Holds shards with all targets settled, whose results are on their way.
    case delivering
    /// Holds shards, and may not send yet.
    case waiting
    /// Holds no shard.
    case idle
  }

  public struct Box: Hashable, Sendable {
    public var name: BoxName
    public var instance: String?
    public var key: String
    public var state: BoxState
    /// Probes per second: granted by the last licence, and measured by the box.
    public var granted: UInt64
    public var rate: UInt64
    public var sent: UInt64
    public var shards: Int
    /// Results without a receipt.
    public var undelivered: Int
    public var denySequence: UInt64
    /// Nanoseconds ago; nil if never.
    public var heardAgo: UInt64?
    public var deliveredAgo: UInt64?
    public var version: String
    public var problems: [String]
  }

  public enum ScanStage: String, Hashable, Sendable {
    case reading, active, complete, cancelled, expired, broken
  }

  public struct Scan: Hashable, Sendable {
    public var id: Digest
    public var name: String
    public var stage: ScanStage
    public var shards: UInt32
    public var accepted: UInt32
    public var assigned: UInt32
    public var failed: UInt32
    /// Of all accepted shards.
    public var targets: UInt64
    public var targetCount: UInt64
    public var targetsDenied: UInt64
    public var targetsUnexplained: UInt64
    public var rows: UInt64
    /// Probes per second that all boxes together may send.
    public var rate: UInt64
    /// Runs of shards in one state: `a` accepted, `w` worked on, `o` open, `f` failed, each with its length.
    public var runs: String
    public var problems: [String]
  }

  public var generation: UInt64
  public var denySequence: UInt64
  public var budget: UInt64
  /// The sum of the rates that may be in use.
  public var granted: UInt64
  public var boxes: [Box]
  public var scans: [Scan]
  public var problems: [String]
}

extension CollectorMachine {
  public func snapshot(at now: UInt64) -> CollectorSnapshot {
    var problems: [String] = []
    if deny == nil {
      problems.append("no deny list is in force, so no box may send: sign one, which may be empty")
    }
    if now < grants.quietUntil {
      problems.append(
        "rates that an earlier process granted run out in \((grants.quietUntil - now) / 1_000_000_000 + 1) s: no box may send before"
      )
    }
    let pending = boxes.values.filter { $0.standing == .pending }.map(\.name).sorted()
    if !pending.isEmpty {
      problems.append(
        "boxes wait for approval: \(pending.prefix(10).map(\.description).joined(separator: ", "))")
    }
    return CollectorSnapshot(
      generation: settings.generation, denySequence: deny?.object.sequence ?? 0, budget: budget,
      granted: grants.sum, boxes: boxes.values.sorted { $0.name < $1.name }.flatMap { boxes($0, now) },
      scans: scans.map(scan), problems: problems)
  }

  private func boxes(_ record: BoxRecord, _ now: UInt64) -> [CollectorSnapshot.Box] {
    let instances = heard.filter { $0.key.box == record.name }.sorted { $0.key < $1.key }
    guard record.standing == .approved, !instances.isEmpty else {
      return [box(record, nil, nil, now)]
    }
    return instances.map { box(record, $0.key, $0.value, now) }
  }

  private func box(_ record: BoxRecord, _ instance: BoxInstance?, _ heard: Heard?, _ now: UInt64)
    -> CollectorSnapshot.Box
  {
    let hello = heard?.hello
    var problems = hello?.problems ?? []
    if let heard, heard.stalledUntil > now {
      problems.append("made no progress with its shards, which others got")
    }
    for scan in scans where scan.isActive {
      if let reason = scan.excluded[record.name] {
        problems.append("gets no more of scan \(scan.id.short): \(reason)")
      }
      if scan.narrow.contains(record.name) {
        problems.append("its scope is narrower than scan \(scan.id.short)")
      }
    }
    return CollectorSnapshot.Box(
      name: record.name, instance: instance?.instance, key: record.key,
      state: state(record, instance, heard, now), granted: heard?.rate ?? 0,
      rate: hello?.rate ?? 0, sent: hello?.sent ?? 0,
      shards: instance.flatMap { holdings[$0]?.count } ?? 0,
      undelivered: hello?.finished.count ?? 0, denySequence: hello?.denySequence ?? 0,
      heardAgo: heard.map { now - $0.at }, deliveredAgo: heard?.lastDelivery.map { now - $0 },
      version: hello?.version ?? "", problems: problems)
  }

  private func state(
    _ record: BoxRecord, _ instance: BoxInstance?, _ heard: Heard?, _ now: UInt64
  ) -> CollectorSnapshot.BoxState {
    switch record.standing {
    case .pending: return .pending
    case .revoked: return .revoked
    case .approved: break
    }
    guard let instance, let heard else { return .unheard }
    if now - heard.at >= settings.ttl { return .silent }
    if holdings[instance] == nil { return heard.hello.finished.isEmpty ? .idle : .delivering }
    if heard.needsRate { return heard.rate > 0 ? .sending : .waiting }
    return .delivering
  }

  private func scan(_ scan: ScanState) -> CollectorSnapshot.Scan {
    let stage: CollectorSnapshot.ScanStage =
      if scan.isComplete {
        .complete
      } else if scan.saved.isCancelled {
        .cancelled
      } else if scan.mistake != nil {
        .broken
      } else if date > scan.description.notAfter {
        .expired
      } else {
        scan.facts == nil ? .reading : .active
      }
    var problems: [String] = []
    if let mistake = scan.mistake { problems.append(mistake) }
    if stage == .expired {
      problems.append("not_after has passed: its shards are not assigned any more")
    }
    if scan.failedCount > 0 {
      problems.append(
        "\(scan.failedCount) shards have failed: look at the boxes' problems, then retry them")
    }
    if let needed = deny?.object.sequence, needed < scan.description.denySequence {
      problems.append("it waits for deny list \(scan.description.denySequence)")
    }
    if scan.targetsUnexplained > 0 {
      problems.append(
        "\(scan.targetsUnexplained) targets were denied by the boxes' own scopes")
    }
    return CollectorSnapshot.Scan(
      id: scan.id, name: scan.description.name, stage: stage, shards: scan.description.shards,
      accepted: scan.acceptedCount, assigned: scan.assignedCount, failed: scan.failedCount,
      targets: scan.targets, targetCount: scan.description.targetCount,
      targetsDenied: scan.targetsDenied, targetsUnexplained: scan.targetsUnexplained, rows: scan.rows,
      rate: scan.rate, runs: Self.runs(scan.stages), problems: problems)
  }

  /// At most 2000 runs, which the last one ends with a `…`.
  static func runs(_ stages: [ScanState.Stage]) -> String {
    var text = ""
    var (start, count) = (0, 0)
    while start < stages.count {
      var end = start
      while end < stages.count, stages[end] == stages[start] { end += 1 }
      count += 1
      if count > 2000 { return text + "…" }
      let letter =
        switch stages[start] {
        case .open: "o"
        case .assigned: "w"
        case .accepted: "a"
        case .failed: "f"
        }
      text += "\(letter)\(end - start)"
      start = end
    }
    return text
  }
}

extension CollectorSnapshot {
  /// Members of the answer to `status`.
  public var json: [String: JSONValue] {
    [
      "gen": .number(generation), "deny_seq": .number(denySequence), "budget_pps": .number(budget),
      "granted_pps": .number(granted), "boxes": boxesJSON, "scans": .list(scans.map(\.json)),
      "problems": .texts(problems),
    ]
  }

  public var boxesJSON: JSONValue { .list(boxes.map(\.json)) }
}

extension CollectorSnapshot.Box {
  var json: JSONValue {
    func seconds(_ nanoseconds: UInt64?) -> JSONValue {
      nanoseconds.map { .number($0 / 1_000_000_000) } ?? .null
    }
    return .object([
      "box": .text(name.description), "inst": instance.map { .text($0) } ?? .null, "key": .text(key),
      "state": .text(state.rawValue), "granted_pps": .number(granted), "rate_pps": .number(rate),
      "sent": .digits(sent), "shards": .number(shards), "undelivered": .number(undelivered),
      "deny_seq": .number(denySequence), "heard_seconds_ago": seconds(heardAgo),
      "delivered_seconds_ago": seconds(deliveredAgo), "version": .text(version),
      "problems": .texts(problems),
    ])
  }
}

extension CollectorSnapshot.Scan {
  var json: JSONValue {
    .object([
      "scan": .digest(id), "name": .text(name), "state": .text(stage.rawValue),
      "shards": .number(shards), "accepted": .number(accepted), "assigned": .number(assigned),
      "failed": .number(failed), "targets_done": .digits(targets),
      "targets_total": .digits(targetCount), "targets_denied": .digits(targetsDenied),
      "targets_unexplained": .digits(targetsUnexplained), "rows": .digits(rows),
      "rate_pps": .number(rate), "runs": .text(runs), "problems": .texts(problems),
    ])
  }
}
