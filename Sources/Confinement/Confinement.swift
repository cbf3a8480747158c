// Privilege is a phase that ends here: everything is given up, once, and the kernel is asked whether it is
// so. Needs no privilege itself; with CAP_SETPCAP it can close the bounding set too.
import Kernel

/// The drop. Irreversible.
public enum Confinement {
  /// Gives up all privilege of this process, as `policy` says, and proves it.
  ///
  /// Must be called while there is one thread: capabilities, no_new_privs, Landlock and seccomp belong to
  /// threads, and one that was started earlier would keep what it has.
  ///
  /// Any Fault means: do not scan. The process may be half confined then; end it.
  ///
  /// The order is given by what each step needs. Memory is locked while RLIMIT_MEMLOCK can be lifted. The
  /// bounding set and the securebits need CAP_SETPCAP and go while there is one; Landlock opens the paths it
  /// allows, which root may be needed for; the user id needs CAP_SETUID; the other sets go last. seccomp comes
  /// at the very end, so that its list need not name the calls that the steps before it make. A first trial
  /// stands before it, for afterwards a refused call could no longer tell the lack of a capability from
  /// the filter.
  ///
  /// A process that starts without CAP_SETPCAP, say as an ordinary user, cannot empty its bounding set.
  /// That is reported and no Fault: under no_new_privs nothing can be gained from it. A capability that
  /// is left in any other set is one.
  public static func drop(_ policy: ConfinementPolicy) throws(Fault) -> ConfinementReport {
    try drop(policy, omitting: [])
  }

  /// As `drop(_:)`, leaving out steps so that a test can see the proof fail.
  package static func drop(_ policy: ConfinementPolicy, omitting: Omissions) throws(Fault)
    -> ConfinementReport
  {
    try requireOneThread()
    let memory = try lockMemory(policy.lockedMemory)
    try noNewPrivileges()
    let maySeal = try Capabilities.current().permitted.contains(.CAP_SETPCAP)
    if maySeal && !omitting.contains(.capabilities) { try Capabilities.seal() }
    let landlock = try restrictFiles(policy, enforcing: !omitting.contains(.landlock))
    if let become = policy.become, !omitting.contains(.user) { try become.assume() }
    try forbidMemoryImages()
    if !omitting.contains(.capabilities) { try Capabilities.clear() }

    var proof = Proof(user: policy.become, boundingToo: maySeal)
    if !omitting.contains(.statusProof) { try proof.everyThreadHasNothing(filtered: false) }
    if memory == .locked { try proof.memoryIsLocked() }
    try proof.mustRefuse(.packetSocket, with: .permission)
    try proof.mustRefuse(.changeRoot, with: .permission)
    if case .inForce = landlock { try proof.mustRefuse(.readRoot, with: .access) }
    let credentials = Credentials.current()

    if !omitting.contains(.systemCallFilter) { try filterSystemCalls(policy.systemCalls) }
    if policy.systemCalls == .enforced {
      try proof.mustRefuse(.unixSocket, with: .permission)
      try proof.mustRefuse(.packetSocket, with: .permission)
    }
    if !omitting.contains(.statusProof) {
      try proof.everyThreadHasNothing(filtered: policy.systemCalls != .unfiltered)
    }
    return ConfinementReport(
      credentials: credentials, systemCalls: policy.systemCalls.reported, landlock: landlock,
      memory: memory, remainingBounding: proof.remainingBounding, refused: proof.refused)
  }

  private static func lockMemory(_ need: ConfinementPolicy.Need) throws(Fault)
    -> ConfinementReport.Memory
  {
    guard need != .unused else { return .notAsked }
    do throws(Fault) {
      try Kernel.lockMemory()
      return .locked
    } catch {
      guard need == .wanted else { throw error }
      return .unlocked("\(error)")
    }
  }

  private static func requireOneThread() throws(Fault) {
    let tasks = try TaskStatus.tasks()
    guard tasks.count == 1 else {
      let others = tasks.filter { $0 != processID() }.map(String.init).joined(separator: ", ")
      throw Fault(
        "cannot give up privilege: this process already has \(tasks.count) threads",
        detail: "besides the first one these run and would keep theirs: \(others)",
        remedy: "Start threads and tasks only after the drop")
    }
  }

  private static func restrictFiles(_ policy: ConfinementPolicy, enforcing: Bool) throws(Fault)
    -> ConfinementReport.Landlock
  {
    guard policy.landlock != .unused else { return .notAsked }
    guard let abi = LandlockRuleset.kernelABI() else {
      if policy.landlock == .wanted { return .absent }
      throw Fault(
        "this kernel has no Landlock of ABI \(LandlockRuleset.oldestABI) or newer",
        remedy: "Boot a kernel from 5.19 on with `landlock` in CONFIG_LSM or in lsm=")
    }
    guard enforcing else { return .inForce(abi: abi) }
    let rules = try LandlockRuleset(abi: abi)
    for path in policy.readWrite { try rules.allow(.readWrite, path) }
    for path in policy.readOnly { try rules.allow(.read, path) }
    // For the proof below, and for the summary's peak of resident memory.
    try rules.allowOwnProcess()
    try rules.enforce()
    return .inForce(abi: abi)
  }

  private static func filterSystemCalls(_ mode: ConfinementPolicy.SystemCalls) throws(Fault) {
    guard mode != .unfiltered else { return }
    let filter = try SeccompFilter(otherwise: mode == .enforced ? .killProcess : .log)
    for rule in SystemCallTable.rules(inProcess: processID()) {
      // What is only watched is not refused either, but for what makes the C library take another way.
      let isWatched = mode == .logged && rule.action == .refuse(.permission)
      if !isWatched { try filter.add(rule.action, rule.name, where: rule.arguments) }
    }
    for (place, name) in SystemCallTable.frequent.enumerated() {
      try filter.prefer(name, priority: UInt8(255 - place))
    }
    try filter.load()
  }
}

extension ConfinementPolicy.SystemCalls {
  fileprivate var reported: ConfinementReport.SystemCalls {
    switch self {
    case .enforced: .enforced
    case .logged: .logged
    case .unfiltered: .unfiltered
    }
  }
}
