// Jobs: prepared, started, followed, and sent to where they go.
import Box
import BoxAPI
import Engine
import Init
import Kernel
import Logging
import NIC
import Plan
import Scan
import Spool

extension BoxRuntime {
  // MARK: - Preparing

  func prepare(_ job: Job, _ targets: PlannedTargets, _ planning: Planning) throws -> PreparedScan {
    let station = engine.station
    let configuration = planning.configuration
    let prepared = try configuration.prepare(job, targets, planning.permit, on: station)
    // A link that is down pauses the box; only then can a missing route be the job's fault.
    try station.requireLink()
    do throws(Fault) {
      let hops = try NextHops(
        prepared.settings.sequence.plan, without: planning.permit.gate.deniedAddresses, on: station,
        asking: true)
      return PreparedScan(job: prepared, hops: hops, configuration: configuration)
    } catch {
      try station.requireLink()
      // The link is up again. A socket reports once that it was down in the meantime.
      if error.isLinkFailure { throw error }
      // Not the job's fault if its targets were reachable before, if there is no route to the scope, or if the
      // gateway is silent.
      if job.record.starts > 0 || error.cause == .hostUnreachable {
        throw Failure(.gateway, "\(error)")
      }
      throw JobRejection(reason: "\(job.file): no route to its targets: \(error)")
    }
  }

  /// Runs code that may take long and does not poll for signals. A signal records that no job has crashed, and ends the
  /// process.
  func interruptibly<Value>(_ body: () throws -> Value) throws -> Value {
    let running = jobs.values.map(\.job)
    let (data, heartbeat) = (spool.data, heartbeat)
    let status = snapshot()
    // Nothing that is done here takes so long, unless it hangs.
    let deadline = Clock.monotonic + 120_000_000_000
    return try signals.runInterruptibly(
      log: log,
      everySecond: {
        if Clock.monotonic < deadline { heartbeat?.sendAlive() }
        var status = status
        status.time = Timestamp(nanoseconds: Clock.realtime)
        try? status.write(status: data.status, metrics: data.metrics)
      },
      beforeExit: { for job in running { try? job.recordCleanExit() } }, body)
  }

  // MARK: - Starting

  func start(_ name: String, slot: Int) {
    guard let entry = jobs[name], let prepared = entry.prepared.take() else { return }
    do {
      try start(entry, prepared, slot)
    } catch {
      tell(.job(name, .ended(.failed(Failure(error)), last: nil)))
    }
  }

  private func start(_ entry: BoxJob, _ prepared: PreparedScan, _ slot: Int) throws {
    let settings = prepared.job.settings
    entry.job.record.starts += 1
    entry.job.record.seed = settings.seed.value
    entry.job.record.settings = JobRecord.Settings(settings, on: engine.station)
    try entry.job.save()
    let files = try interruptibly { try entry.job.openFiles(for: prepared.job.identity) }
    for note in files.notes { log.warning("\(note)", metadata: ["job": "\(entry.job.name)"]) }
    logStart(of: entry.job, prepared, from: files.checkpoint?.index ?? 0)
    let configuration = prepared.configuration
    entry.format = configuration.format
    entry.rateCappedFrom = prepared.job.rateCappedFrom.map { $0.perSecond ?? 0 }
    // What an earlier run found is in the files.
    entry.summary = nil
    entry.hasReportedSent = false
    entry.scan = try RunningScan(
      settings, on: engine, slot: slot, nextHops: prepared.hops,
      writer: ResultWriter(
        files, formatter: ResultFormatter(format: configuration.format, fields: configuration.fields)),
      checkpointer: Checkpointer(
        entry.job, files: files, identity: prepared.job.identity, settings: settings,
        link: try LinkMonitor(engine.station, prepared.hops.gateway)))
    entry.nextProgress = Clock.monotonic + 1_000_000_000
  }

  private func logStart(of job: Job, _ prepared: PreparedScan, from index: UInt64) {
    let settings = prepared.job.settings
    log.info(
      "job started",
      metadata: [
        "job": "\(job.name)", "targets": "\(settings.sequence.plan.count)",
        "out_of_scope": "\(settings.sequence.plan.outOfScope)",
        "denied": "\(settings.targetsDenied)",
        "probes": "\(settings.sequence.count)", "rate": "\(settings.rate)",
        "resumed": "\(job.record.starts - 1)", "from": "\(index)",
      ])
    if let requested = prepared.job.rateCappedFrom {
      log.warning(
        "the requested rate exceeds the box's; using the box's",
        metadata: ["job": "\(job.name)", "requested": "\(requested)", "rate": "\(settings.rate)"])
    }
    if let limit = settings.maxRuntime, settings.isCutOffByMaxRuntime(from: index) {
      log.warning(
        "the job cannot send everything within max-runtime, which ends it",
        metadata: ["job": "\(job.name)", "max_runtime": "\(limit)", "rate": "\(settings.rate)"])
    }
    if !prepared.hops.unresolved.isEmpty {
      log.warning(
        "skipping on-link addresses that did not reply to ARP",
        metadata: ["job": "\(job.name)", "addresses": "\(prepared.hops.unresolved.count)"])
    }
  }

  // MARK: - Following

  /// Does what a scan needs, and tells the box how far it is.
  func follow(_ name: String) {
    guard let entry = jobs[name], let scan = entry.scan else { return }
    do throws(Fault) {
      if !hasSentProbe, scan.firstProbeTime != nil {
        hasSentProbe = true
        heartbeat?.sendFirstProbe()
      }
      let isOver = try scan.tick()
      let now = Clock.monotonic
      reportStorage(scan.storageFailure, of: entry, now)
      if now >= entry.nextProgress || isOver {
        entry.nextProgress +=
          1_000_000_000 * max(1, (now - min(now, entry.nextProgress)) / 1_000_000_000)
        report(try scan.snapshot(at: now), of: entry)
      }
      if scan.hasSent, !entry.hasReportedSent, scan.ending == nil || scan.ending == .maxRuntime {
        entry.hasReportedSent = true
        acquit(entry)
        tell(.job(name, .sent))
      }
      if isOver { try finish(entry, scan) }
    } catch {
      scan.end()
      entry.scan = nil
      tell(.job(name, .ended(.failed(Failure(error)), last: entry.last.map { ScanProgress($0) })))
    }
  }

  /// Records that a job has not crashed the box: of the many jobs that cool down, a crash could be any one's.
  private func acquit(_ entry: BoxJob) {
    entry.job.record.crashes = 0
    try? entry.job.save()
  }

  /// Tells the box that a scan cannot write: at once, and again every two seconds, because the box may find in between that
  /// the disk works.
  private func reportStorage(_ failure: Fault?, of entry: BoxJob, _ now: UInt64) {
    guard let failure else {
      entry.nextStorageReport = 0
      return
    }
    guard now >= entry.nextStorageReport else { return }
    entry.nextStorageReport = now + 2_000_000_000
    tell(.storage(StorageReport(failure)))
  }

  /// Tells the box how far a scan is, unless it has just been told.
  func reportProgress(of entry: BoxJob) {
    let now = Clock.monotonic
    guard let scan = entry.scan, now >= entry.lastReport + 50_000_000 else { return }
    if let snapshot = try? scan.snapshot(at: now) { report(snapshot, of: entry) }
  }

  private func report(_ snapshot: ScanSnapshot, of entry: BoxJob) {
    entry.last = snapshot
    entry.lastReport = Clock.monotonic
    warn(evictions: snapshot.dedupeEvictions, of: entry)
    tell(.job(entry.job.name, .progress(ScanProgress(snapshot))))
  }

  private func finish(_ entry: BoxJob, _ scan: RunningScan) throws(Fault) {
    var (summary, last, ending) = try scan.finish()
    entry.scan = nil
    entry.gate = nil
    warn(evictions: summary.dedupeEvictions, of: entry)
    summary.resumed = entry.job.record.starts - 1
    summary.rateCappedFrom = entry.rateCappedFrom
    entry.summary = summary
    entry.last = nil
    let isStopped = ending.isResumable || ending == .cancelled
    tell(.job(entry.job.name, .ended(isStopped ? .stopped : .complete, last: ScanProgress(last))))
  }

  /// Warns once a job, when the dedupe table evicts its first pair.
  private func warn(evictions: UInt64, of entry: BoxJob) {
    guard evictions > 0, !entry.hasWarnedOfEvictions else { return }
    entry.hasWarnedOfEvictions = true
    log.warning("\(DedupeMemory.evictionWarning)", metadata: ["job": "\(entry.job.name)"])
  }

  // MARK: - Settling

  func settle(_ name: String, _ step: Settlement) -> JobEvent {
    abandonPlanning(of: name)
    guard let entry = jobs[name] else { return .unsettled(Failure(.entry, "\(name) is gone")) }
    do throws(Fault) {
      entry.prepared = nil
      switch step {
      case .suspend:
        acquit(entry)
        return .settled(as: name)
      case .reject(let reason):
        return .settled(as: end(name, try spool.reject(entry.job, reason: reason)))
      case .finish: return .settled(as: end(name, try finish(entry)))
      case .cancel: return .settled(as: end(name, try cancel(entry)))
      }
    } catch {
      // Whatever keeps this one job from being moved keeps no other.
      return .unsettled(Failure(EntryError(changing: FileName(name), in: spool.data.active, error)))
    }
  }

  private func end(_ name: String, _ newName: String) -> String {
    jobs[name] = nil
    return newName
  }

  private func finish(_ entry: BoxJob) throws(Fault) -> String {
    let summary = entry.summary ?? Summary()
    let name = try spool.finish(entry.job, summary: summary, format: entry.format)
    log.info(
      "job finished",
      metadata: [
        "job": "\(name)", "reason": "\(summary.endedBecause.rawValue)",
        "probes": "\(summary.probesCompleted)", "results": "\(summary.resultsWritten)",
        "pps": "\(Int(summary.rateAchieved))", "events_lost": "\(summary.eventsLost)",
        "dedupe_evictions": "\(summary.dedupeEvictions)",
      ])
    return name
  }

  /// Moves a job to results/ with the results it has so far.
  private func cancel(_ entry: BoxJob) throws(Fault) -> String {
    let job = entry.job
    // Files written by this process are complete. Of an earlier process's, only the part that the checkpoint covers
    // can be trusted.
    let checkpoint = entry.summary == nil ? try job.truncateResultsToCheckpoint() : nil
    var summary = entry.summary ?? self.summary(of: job, checkpoint?.totals)
    summary.ended = Clock.realtime
    summary.endedBecause = .cancelled
    summary.resumed = max(0, job.record.starts - 1)
    if checkpoint == nil, entry.summary == nil {
      var writer = ResultWriter(
        try Files.createNew(job.partialResultsPath), name: job.partialResultsPath,
        formatter: ResultFormatter(format: entry.format, fields: configuration.fields))
      try writer.sync()
    }
    let name = try spool.finish(job, summary: summary, format: entry.format)
    log.notice(
      "job cancelled",
      metadata: [
        "job": "\(name)", "probes": "\(summary.probesCompleted)",
        "results": "\(summary.resultsWritten)",
      ])
    return name
  }

  /// Returns the summary of a job that this process has not run.
  ///
  /// - Parameter totals: from the job's checkpoint; nil without one.
  private func summary(of job: Job, _ totals: ScanTotals?) -> Summary {
    var summary = totals.map { Summary($0) } ?? Summary()
    let station = facts.snapshot.station
    summary.version = BuildIdentity.revision
    if totals == nil { summary.started = Clock.realtime }
    summary.interface = station.interface
    summary.driver = station.driver
    summary.transmitModes = station.transmit
    summary.receiveMode = station.receive
    summary.resetMode = station.reset
    summary.checksumMode = station.checksum
    summary.sourceUse = station.sourceUse
    summary.seed = job.record.seed
    summary.targetsTotal = job.record.settings?.targets ?? 0
    summary.scopeSHA256 = scopeWatch.inForce.sha256
    return summary
  }
}

extension Ending {
  init(_ reason: StopReason) {
    switch reason {
    case .cancelled: self = .cancelled
    case .preempted: self = .preempted
    case .paused, .disconnected: self = .paused
    case .terminated: self = .signal(.terminate)
    }
  }
}
