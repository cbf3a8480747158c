// From a claimed target file to a scan's settings. The whole file is validated before the first probe.
import Engine
import Kernel
import NIC
import Plan
import Scan
import Spool
import Wire

/// A fault of the job, not of the box. The reason goes into reason.txt.
struct JobRejection: Error {
  let reason: String
}

/// A job that is ready to start.
struct PreparedJob {
  let settings: JobSettings
  /// A checkpoint must have the same identity to be resumed from.
  let identity: JobIdentity
  /// The rate that the target file requested, if it exceeds the box's own; otherwise nil.
  let rateCappedFrom: PacketRate?
}

extension Configuration {
  /// Combines a job's planned target file with this configuration.
  ///
  /// - Throws: `JobRejection` if the file is at fault.
  func prepare(
    _ job: Job, _ targets: PlannedTargets, _ permit: ScopePermit, on station: Station
  ) throws -> PreparedJob {
    let scope = permit.scope
    let (plan, directives) = (targets.plan, targets.directives)
    try validate(plan, directives, file: job.file)
    let (rate, cappedFrom) = try effectiveRate(
      directives, plan, denied: targets.denied?.inPlan ?? 0,
      linkSpeed: LinkStatus.speed(of: station.interface.name))
    guard let key = job.record.sipHashKey else {
      throw Fault("the job \(job.name) has no key")
    }
    let seed = directives.seed ?? Seed(job.record.seed)
    var settings = JobSettings(
      sequence: ProbeSequence(
        plan: plan, seed: seed, shard: directives.shard ?? .whole,
        probes: directives.probes ?? probes),
      seed: seed, rate: rate, dedupeMemory: dedupeMemory, key: key)
    settings.profile = probeProfile
    settings.paceInterval = paceInterval
    settings.onOverload = onOverload
    settings.cooldown = directives.cooldown ?? cooldown
    settings.maxRuntime = runtimeLimit
    settings.scopeSHA256 = scope.sha256
    settings.scopeGate = permit.gate
    settings.numbering = directives.numbering ?? .scope
    settings.targetsDenied = targets.denied?.inShard ?? 0
    permit.gate.narrow(to: plan)
    if let denied = targets.denied { permit.gate.exclude(denied.addresses) }
    return PreparedJob(
      settings: settings, identity: identity(of: settings, targets.identity, on: station),
      rateCappedFrom: cappedFrom)
  }

  /// Hashes everything that determines the order of the probes and the form of the results. Changing the
  /// spelling or order of these lines would make every existing checkpoint unusable.
  private func identity(of settings: JobSettings, _ targets: String, on station: Station)
    -> JobIdentity
  {
    let sequence = settings.sequence
    // What decides which targets have numbers.
    let numbering =
      switch settings.numbering {
      case .targets: ["numbering targets"]
      case .scope:
        ["ports \(targetPorts.map { "\($0)" } ?? "none")", "scope \(settings.scopeSHA256)"]
      }
    let bound = settings.numbering == .scope ? allowPorts : nil
    let order =
      ["targets \(targets) \(sequence.plan.count)"] + numbering + [
        "seed \(settings.seed.value)", "shard \(sequence.shard)", "probes \(sequence.probes.value)",
        "count \(sequence.count)\(bound.map { "\nallow-ports \($0)" } ?? "")",
        "sources \(station.sources.map(\.description).joined(separator: ","))",
        "source-ports \(station.settings.sourcePorts)", "options \(settings.profile.rawValue)",
      ]
    let output = [
      "format \(format.rawValue)", "report \(station.settings.report.rawValue)",
      "fields \(fields.map(\.rawValue).joined(separator: ","))",
    ]
    func hash(_ lines: [String]) -> String { SHA256.hex(Array(lines.joined(separator: "\n").utf8)) }
    return JobIdentity(order: hash(order), output: hash(output))
  }

  /// Rejects a file that asks for more than this configuration allows, or for nothing that may be probed.
  func validate(_ plan: TargetPlan, _ directives: Directives, file: String) throws(JobRejection) {
    if let cooldown = directives.cooldown, cooldown > maxCooldown {
      throw JobRejection(
        reason:
          "\(file): found @cooldown \(cooldown), expected at most max-cooldown, \(maxCooldown)")
    }
    if let probes = directives.probes, probes.value > maxProbes.value {
      throw JobRejection(
        reason: "\(file): found @probes \(probes), expected at most max-probes, \(maxProbes)")
    }
    guard plan.count > 0 else {
      throw JobRejection(
        reason: "\(file): found no target that may be probed: \(plan.outOfScope) are outside the "
          + "box's scope or in special-purpose space; expected at least one in scope")
    }
    if let shard = directives.shard, shard.count > 1, directives.seed == nil {
      throw JobRejection(
        reason: "\(file): found @shard \(shard) without @seed, expected both, because shards of "
          + "different orders overlap")
    }
  }

  /// Returns the file's rate, capped at the box's own and at what its addresses may get; the box's if it has none.
  ///
  /// - Throws: A `Fault` if the box's own depends on the link's speed, which is unknown.
  ///
  /// - Parameter denied: how many targets of the plan are not probed.
  func effectiveRate(
    _ directives: Directives, _ plan: TargetPlan, denied: UInt64 = 0, linkSpeed: UInt64?
  ) throws(Fault) -> (rate: PacketRate, cappedFrom: PacketRate?) {
    let most =
      [try rateLimit(linkSpeed: linkSpeed), targetLimit(plan, denied: denied)].map {
        $0.perSecond ?? .max
      }.min()
      ?? .max
    let limit = most == .max ? PacketRate.unlimited : PacketRate(most)
    guard directives.rate != nil || directives.bandwidth != nil else { return (limit, nil) }
    let requested = chosenRate(directives, frameLength: probeProfile.frameLength)
    return (requested.perSecond ?? .max) > most ? (limit, requested) : (requested, nil)
  }

  /// The rate at which the address with the most ports gets `max-target-rate`: in the permuted order, its share of the
  /// probes is that of its targets.
  private func targetLimit(_ plan: TargetPlan, denied: UInt64) -> PacketRate {
    guard let most = maxTargetRate.perSecond, plan.mostPortsPerAddress > 0 else { return .unlimited }
    let product = (plan.count - denied).multipliedFullWidth(by: most)
    guard product.high < plan.mostPortsPerAddress else { return .unlimited }
    let rate = plan.mostPortsPerAddress.dividingFullWidth(product).quotient
    return rate > PacketRate.maximum ? .unlimited : PacketRate(max(1, rate))
  }
}

extension JobRecord.Settings {
  init(_ job: JobSettings, on station: Station) {
    let ports = station.settings.sourcePorts
    let configured = station.settings.sources.ranges.map(\.description)
    self.init(
      rate: job.rate.perSecond ?? 0, probes: job.sequence.probes.value,
      cooldownNanoseconds: job.cooldown.nanoseconds, shard: job.sequence.shard.description,
      targets: job.sequence.plan.count,
      sources: configured.isEmpty ? station.sources.map(\.description) : configured,
      sourcePorts: "\(ports.lowerBound)-\(ports.upperBound)", probeOptions: job.profile.rawValue,
      scopeSHA256: job.scopeSHA256)
  }
}
