// Whatever keeps the box from sending, and the disk.
import BoxAPI

extension Box {
  // MARK: - The gate

  /// One sentence for each reason not to send, whatever the running job is.
  var pauses: [String] {
    var reasons: [String] = []
    if let failure = storage.failure { reasons.append(failure) }
    switch link {
    case .up: break
    case .down(let message), .failed(let message): reasons.append(message)
    }
    if case .silent(let message, _) = gateway { reasons.append(message) }
    if case .invalid(_, let reason) = scope { reasons.append(reason) }
    if case .full(let reason) = disk.space { reasons.append(reason) }
    if isWriterSlow { reasons.append(Self.slowDisk) }
    return reasons
  }

  static let slowDisk =
    "the disk is slow: results have waited for more than a second to be written; "
    + "sending is paused until they are"

  var isWriterSlow: Bool {
    if case .stalled(let since) = writer { now > since + limits.writerDelay } else { false }
  }

  /// Why the running job must resume from a checkpoint later; nil if it may continue, or pauses in place.
  var suspension: StopReason? {
    if link != .up || gateway != .replies { return .disconnected }
    if case .full = disk.space { return .paused }
    return nil
  }

  mutating func updateGate() {
    let reasons = pauses
    let wanted: Gate = reasons.isEmpty ? .open : .closed(reasons)
    guard wanted != gate else { return }
    gate = wanted
    emit(.gate(wanted))
    guard case .serving = phase else { return }
    var details: [String: String] = [:]
    if let job = front.job { details["job"] = job.name }
    if reasons.isEmpty {
      if case .sending = front { log(.notice, "sending resumed", details) }
    } else if reasons != loggedPause, front != .free || isUnannounced {
      loggedPause = reasons
      details["reason"] = reasons.joined(separator: "; ")
      log(.warning, "sending paused until the fault clears", details)
    }
  }

  /// Whether a fault is among the reasons that is not logged where it is noticed, or shown by the link.
  private var isUnannounced: Bool {
    if case .failed = link { return true }
    return storage != .works || gateway != .replies || isWriterSlow
  }

  // MARK: - Storage, gateway

  /// - Parameter isFull: whether the disk takes no more data, whatever free space it reports.
  mutating func storageFailed(_ message: String, isFull: Bool = false) {
    disk.refuses(isFull, now)
    switch storage {
    // The first probe comes a while after the failure, the next one a while after the last.
    case .works, .probing: storage = .failed(message, probeAt: now + limits.interval)
    case .failed(_, let probeAt): storage = .failed(message, probeAt: probeAt)
    }
  }

  mutating func storageWorks() {
    storage = .works
    disk.refuses(false, now)
  }

  mutating func probeStorage() {
    guard case .failed(let message, let probeAt) = storage, now >= probeAt else { return }
    storage = .probing(message)
    emit(.probeStorage)
  }

  mutating func gatewayFailed(_ message: String) {
    gateway = .silent(message, retryAt: now + limits.interval)
  }

  mutating func retryGateway() {
    if case .silent(_, let retryAt) = gateway, now >= retryAt { gateway = .replies }
  }

  // MARK: - Scope

  mutating func apply(_ report: ScopeReport) {
    switch (report, scope) {
    case (.unchanged, .settling(let hash)): scope = .stable(hash)
    case (.unchanged, _): break
    case (.valid(let hash, let newlyDenied), let previous):
      var wasInvalid = false
      if case .invalid = previous { wasInvalid = true }
      if hash != previous.sha256 {
        scope = .settling(hash)
        log(.notice, "scope changed", ["scope": hash, "newly_denied": "\(newlyDenied)"])
      } else if wasInvalid {
        scope = .settling(hash)
        log(.notice, "scope lists are valid again", ["scope": hash])
      }
    case (.invalid(let reason), let previous):
      scope = .invalid(previous.sha256, reason: reason)
      guard scope != previous else { return }
      log(.error, "scanning paused: cannot load the scope lists", ["reason": reason])
    }
  }

  // MARK: - Licence

  mutating func apply(_ report: LicenceReport) {
    guard report != licence else { return }
    let wasInvalid = licence.reason != nil
    licence = report
    if let reason = report.reason {
      log(.warning, "sending paused until there is a licence", ["reason": reason])
    } else if wasInvalid {
      log(.notice, "the licence allows sending again")
    }
  }

  // MARK: - Disk

  mutating func lookAtDisk() {
    guard case .waiting(let until) = disk.look, now >= until else { return }
    measureDisk(nil)
  }

  private mutating func measureDisk(_ removals: DiskState.Removals?) {
    disk.look = .measuring(removals)
    emit(.disk(.measure))
  }

  mutating func apply(_ answer: DiskAnswer) {
    switch (disk.look, answer) {
    case (.measuring(let removals), .used(let percent)):
      disk.isAboveMark = percent > disk.highWater
      if !disk.isAboveMark, disk.shortage == .none || removals != nil {
        // What was removed may be enough: one write tells.
        if case .failed(let message, _) = storage, removals != nil {
          storage = .failed(message, probeAt: now)
        }
        return endLook(.available)
      }
      guard let removals else {
        disk.look = .listing
        return emit(.disk(.listFetched))
      }
      removeNext(removals)
    case (.listing, .fetched(let names)):
      let usable = names.filter { spool.refused[.results($0)] == nil }
      removeNext(DiskState.Removals(names: usable[...]))
    case (.removing(let name, let removals), .removed):
      let what = name.hasPrefix("rejected/") ? "rejected file" : "fetched results"
      log(.notice, "\(what) removed to free disk space", ["job": name])
      measureDisk(removals)
    case (.removing(let name, let removals), .failed(let failure)) where failure.kind == .entry:
      refuse(.results(name), name, failure.message)
      measureDisk(removals)
    case (_, .failed(let failure)):
      if failure.kind == .box { fail(failure.message) }
      endLook(.full("scanning is paused because the disk fails: \(failure.message)"))
    default: fail("the disk gave an answer that does not fit the request")
    }
  }

  private mutating func removeNext(_ removals: DiskState.Removals) {
    var removals = removals
    // A write may have succeeded since this look began.
    guard disk.isAboveMark || disk.shortage != .none else { return endLook(.available) }
    guard let name = removals.names.first else { return nothingIsLeft() }
    if disk.shortage != .none { disk.shortage = .some }
    // More can be removed; the next look does.
    guard removals.count < limits.removals else { return endLook(disk.space) }
    removals.names.removeFirst()
    removals.count += 1
    disk.look = .removing(name, removals)
    emit(.disk(.remove(name)))
  }

  /// Ends a look at the disk that found nothing to remove.
  private mutating func nothingIsLeft() {
    let remedy =
      "and no results are marked as fetched; scanning is paused. Fetch results, then create a file named "
      + "fetched in the directory of each"
    if disk.isAboveMark {
      return endLook(
        .full("the file system of \(data) is more than \(disk.highWater) % full \(remedy)"))
    }
    disk.shortage = .unmet(
      "the file system of \(data) takes no more data, although it may not look full (a quota, or "
        + "reserved space), \(remedy)")
    endLook(.available)
  }

  private mutating func endLook(_ space: DiskState.Space) {
    disk.look = .waiting(until: now + limits.interval)
    guard space != disk.space else { return }
    if case .full(let reason) = space { log(.error, "scanning paused", ["reason": reason]) }
    if case .full = disk.space, space == .available {
      log(.notice, "disk space is available again")
    }
    disk.space = space
  }
}
