// From a claimed target file to a scan's settings. The whole file is validated before the first probe.
import Engine
import Kernel
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
  /// Reads a job's target file and combines it with this configuration.
  ///
  /// - Throws: `JobRejection` if the file is at fault, `Fault` if the disk is.
  func prepare(_ job: Job, _ permit: ScopePermit, on station: Station) throws -> PreparedJob {
    let scope = permit.scope
    let (file, targets) = try Self.targetFile(of: job)
    let directives = file.directives
    let plan: TargetPlan
    do throws(InputError) {
      plan = try TargetPlan([consume file], defaultPorts: targetPorts, scope: scope.scope)
    } catch {
      throw JobRejection(reason: error.description)
    }
    try Self.validate(plan, directives, job)
    let (rate, cappedFrom) = effectiveRate(directives)
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

  /// Hashes everything that determines the order of the probes and the form of the results. Changing the
  /// spelling or order of these lines would make every existing checkpoint unusable.
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

  /// Parses the target file. `identity` is its length and checksum; the bytes themselves may be too many to keep.
  private static func targetFile(of job: Job) throws -> (file: TargetFile, identity: String) {
    let content = try content(of: job)
    let bytes = content.bytes
    do throws(InputError) {
      return (
        try TargetFile.parse(bytes, name: job.file, format: content.format),
        "\(bytes.count) \(CRC32C.of(bytes))"
      )
    } catch {
      // Report every mistake at once, so that the operator has to fix the file only once.
      let all = TargetFile.check(bytes, name: job.file, format: content.format)
      throw JobRejection(reason: all.map(\.description).joined(separator: "\n"))
    }
  }

  private static func content(of job: Job) throws -> TargetContent {
    let bytes = try bytes(of: job)
    do throws(InputError) {
      return try TargetContent(bytes, name: job.file)
    } catch {
      throw JobRejection(reason: error.description)
    }
  }

  private static func bytes(of job: Job) throws -> [UInt8] {
    do throws(Fault) {
      return try job.readTargets()
    } catch {
      // A file that is no regular file, too large or unreadable is rejected; a failing disk is a fault of the box.
      guard let cause = error.cause, cause != .permissionDenied, cause != .tooManySymbolicLinkLevels
      else {
        throw JobRejection(
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

  private static func validate(_ plan: TargetPlan, _ directives: Directives, _ job: Job)
    throws(JobRejection)
  {
    guard plan.count > 0 else {
      throw JobRejection(
        reason: "\(job.file): found no target that may be probed: \(plan.outOfScope) are outside the "
          + "box's scope or in special-purpose space; expected at least one in scope")
    }
    if let shard = directives.shard, shard.count > 1, directives.seed == nil {
      throw JobRejection(
        reason: "\(job.file): found @shard \(shard) without @seed, expected both, because shards of "
          + "different orders overlap")
    }
  }

  /// Returns the file's rate, capped at the box's own; the default rate if neither is set.
  private func effectiveRate(_ directives: Directives) -> (rate: PacketRate, cappedFrom: PacketRate?) {
    let limit = rateLimit
    guard directives.rate != nil || directives.bandwidth != nil else {
      return (limit ?? .default, nil)
    }
    let requested = chosenRate(nil, nil, directives, frameLength: probeProfile.frameLength)
    guard let limit, (requested.perSecond ?? .max) > (limit.perSecond ?? .max) else {
      return (requested, nil)
    }
    return (limit, requested)
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
