// From a claimed target file to a scan: all of it is read and judged before the first probe.
import Kernel
import Plan
import Scan
import Spool
import Wire

/// Why a job cannot be done though the box is well: goes into reason.txt.
struct JobRefusal: Error {
  let reason: String
}

/// A job that can be started.
struct PreparedJob {
  let settings: JobSettings
  /// What a checkpoint must have been made for.
  let identity: JobIdentity
  /// What the target file asked for where the box's own rate is lower.
  let rateCappedFrom: PacketRate?
}

extension Configuration {
  /// Reads a job's target file under this configuration. Throws `JobRefusal` for what is wrong with the
  /// file, `Fault` for what is wrong with the disk.
  func prepare(_ job: Job, _ permit: ScopePermit, on station: Station) throws -> PreparedJob {
    let scope = permit.scope
    let (file, targets) = try Self.targetFile(of: job)
    let directives = file.directives
    let plan: TargetPlan
    do throws(InputError) {
      plan = try TargetPlan([consume file], defaultPorts: targetPorts, scope: scope.scope)
    } catch {
      throw JobRefusal(reason: error.description)
    }
    try Self.judge(plan, directives, job)
    let (rate, cappedFrom) = rate(directives)
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
    settings.cooldown = directives.cooldown ?? cooldown
    settings.maxRuntime = maxRuntime
    settings.scopeSHA256 = scope.sha256
    settings.scopeGate = permit.gate
    return PreparedJob(
      settings: settings, identity: identity(of: settings, targets, on: station),
      rateCappedFrom: cappedFrom)
  }

  /// The words are hashed, so their order and spelling must not change from one process to the next.
  private func identity(of settings: JobSettings, _ targets: String, on station: Station)
    -> JobIdentity
  {
    let sequence = settings.sequence
    let order = [
      "targets \(targets) \(sequence.plan.count)",
      "ports \(targetPorts.map { "\($0)" } ?? "none")", "scope \(settings.scopeSHA256)",
      "seed \(settings.seed.value)", "shard \(sequence.shard)", "probes \(sequence.probes.value)",
      "count \(sequence.count)", "sources \(station.sources.map(\.description).joined(separator: ","))",
      "source-ports \(station.settings.sourcePorts)", "options \(settings.profile.rawValue)",
    ]
    let output = [
      "format \(format.rawValue)", "report \(station.settings.report.rawValue)",
      "fields \(fields.map(\.rawValue).joined(separator: ","))",
    ]
    func hash(_ lines: [String]) -> String { SHA256.hex(Array(lines.joined(separator: "\n").utf8)) }
    return JobIdentity(order: hash(order), output: hash(output))
  }

  /// The file, and its length and checksum in words. The bytes themselves are not kept: they may be many.
  private static func targetFile(of job: Job) throws -> (file: TargetFile, identity: String) {
    let content = try content(of: job)
    let bytes = content.bytes
    do throws(InputError) {
      return (
        try TargetFile.parse(bytes, name: job.file, format: content.format),
        "\(bytes.count) \(CRC32C.of(bytes))"
      )
    } catch {
      // All that is wrong at once: nobody wants to send a file five times.
      let all = TargetFile.check(bytes, name: job.file, format: content.format)
      throw JobRefusal(reason: all.map(\.description).joined(separator: "\n"))
    }
  }

  private static func content(of job: Job) throws -> TargetContent {
    let bytes = try bytes(of: job)
    do throws(InputError) {
      return try TargetContent(bytes, name: job.file)
    } catch {
      throw JobRefusal(reason: error.description)
    }
  }

  private static func bytes(of job: Job) throws -> [UInt8] {
    do throws(Fault) {
      return try job.readTargets()
    } catch {
      // Not a file, too large, or not ours to read: another file may do better. A failing disk is not the
      // file's fault. 13 EACCES, 40 ELOOP.
      guard let cause = error.cause, cause.number != 13, cause.number != 40 else {
        throw JobRefusal(
          reason: "\(job.file): found \(error)\(owner(of: job)), expected a file the box may read, as "
            + "\(Credentials.current())")
      }
      throw error
    }
  }

  private static func owner(of job: Job) -> String {
    guard let status = Files.status(of: "\(job.directory)/\(job.file)") else { return "" }
    return " of uid \(status.owner), mode \(String(status.mode, radix: 8))"
  }

  private static func judge(_ plan: TargetPlan, _ directives: Directives, _ job: Job)
    throws(JobRefusal)
  {
    guard plan.count > 0 else {
      throw JobRefusal(
        reason: "\(job.file): found no target that may be probed: \(plan.outOfScope) are outside the "
          + "box's scope or in special-purpose space, expected at least one within the scope")
    }
    if let shard = directives.shard, shard.count > 1, directives.seed == nil {
      throw JobRefusal(
        reason: "\(job.file): found @shard \(shard) without @seed, expected both: shards of different "
          + "orders overlap")
    }
  }

  /// Returns the file's rate, capped by the box's own; the default rate if neither gives one.
  private func rate(_ directives: Directives) -> (rate: PacketRate, cappedFrom: PacketRate?) {
    let limit = rateLimit
    guard directives.rate != nil || directives.bandwidth != nil else {
      return (limit ?? .default, nil)
    }
    let asked = chosenRate(nil, nil, directives, frameLength: probeProfile.frameLength)
    guard let limit, (asked.perSecond ?? .max) > (limit.perSecond ?? .max) else { return (asked, nil) }
    return (limit, asked)
  }
}

extension JobRecord.Settings {
  init(_ job: JobSettings, on station: Station) {
    let ports = station.settings.sourcePorts
    let named = station.settings.sources.ranges.map(\.description)
    self.init(
      rate: job.rate.perSecond ?? 0, probes: job.sequence.probes.value,
      cooldownNanoseconds: job.cooldown.nanoseconds, shard: job.sequence.shard.description,
      targets: job.sequence.plan.count,
      sources: named.isEmpty ? station.sources.map(\.description) : named,
      sourcePorts: "\(ports.lowerBound)-\(ports.upperBound)", probeOptions: job.profile.rawValue,
      scopeSHA256: job.scopeSHA256)
  }
}
