// The drop: gives up every privilege of the process and proves it. Needs no privilege; with CAP_SETPCAP it also
// empties the bounding set.
import Kernel

/// The drop. Irreversible.
public enum Confinement {
  /// Gives up all privileges of this process, according to `policy`, and proves it.
  ///
  /// Call this while there is only one thread: capabilities, no_new_privs, Landlock and seccomp are attributes of
  /// threads, and other threads would keep theirs.
  ///
  /// What each step needs determines their order. Locking memory needs RLIMIT_MEMLOCK raised. The bounding set and
  /// the securebits need CAP_SETPCAP. Landlock opens the allowed paths, which may need root. Switching the user needs
  /// CAP_SETUID. The other capability sets follow. seccomp comes last, so that its list need not include the calls of
  /// the other steps. Trials run before it, too, because afterwards a refusal could come from the filter instead of a
  /// missing capability.
  ///
  /// A process without CAP_SETPCAP, such as one started by an ordinary user, cannot empty its bounding set. That is
  /// reported but is no error, because under no_new_privs nothing can be gained from it.
  ///
  /// - Throws: a `Fault` if anything fails or a privilege remains. The process may then be partly confined; end it.
  public static func drop(_ policy: ConfinementPolicy) throws(Fault) -> ConfinementReport {
    try drop(policy, omitting: [])
  }

  /// Does the same without some of the steps, so that tests can see the proof fail.
  package static func drop(_ policy: ConfinementPolicy, omitting: Omissions) throws(Fault)
    -> ConfinementReport
  {
    try requireOneThread()
    let memory = try lockMemory(policy.lockedMemory)
    try setNoNewPrivileges()
    let maySeal = try Capabilities.current().permitted.contains(.CAP_SETPCAP)
    if maySeal && !omitting.contains(.capabilities) { try Capabilities.seal() }
    let landlock = try restrictFiles(policy, enforcing: !omitting.contains(.landlock))
    if let user = policy.user, !omitting.contains(.user) { try user.assume() }
    try disableCoreDumps()
    if !omitting.contains(.capabilities) { try Capabilities.clear() }

    var proof = Proof(user: policy.user, checksBounding: maySeal)
    if !omitting.contains(.statusProof) { try proof.requireNoPrivileges(filtered: false) }
    if memory == .locked { try proof.requireLockedMemory() }
    try proof.requireRefusal(of: .packetSocket, with: .notPermitted)
    try proof.requireRefusal(of: .changeRoot, with: .notPermitted)
    if case .inForce = landlock { try proof.requireRefusal(of: .readRoot, with: .permissionDenied) }
    let credentials = Credentials.current()

    if !omitting.contains(.systemCallFilter) { try filterSystemCalls(policy) }
    if policy.systemCalls == .enforced {
      try proof.requireRefusal(of: .unixSocket, with: .notPermitted)
      try proof.requireRefusal(of: .packetSocket, with: .notPermitted)
    }
    if !omitting.contains(.statusProof) {
      try proof.requireNoPrivileges(filtered: policy.systemCalls != .unfiltered)
    }
    return ConfinementReport(
      credentials: credentials, systemCalls: policy.systemCalls.reported, landlock: landlock,
      memory: memory, remainingBounding: proof.remainingBounding, refused: proof.refused)
  }

  private static func lockMemory(_ requirement: ConfinementPolicy.Requirement) throws(Fault)
    -> ConfinementReport.Memory
  {
    guard requirement != .unused else { return .notRequested }
    do throws(Fault) {
      try Kernel.lockMemory()
      return .locked
    } catch {
      guard requirement == .wanted else { throw error }
      return .unlocked("\(error)")
    }
  }

  private static func requireOneThread() throws(Fault) {
    let tasks = try TaskStatus.tasks()
    guard tasks.count == 1 else {
      let others = tasks.filter { $0 != processID() }.map(String.init).joined(separator: ", ")
      throw Fault(
        "cannot drop privileges: this process already has \(tasks.count) threads",
        detail: "threads \(others) would keep theirs",
        remedy: "Start threads and tasks only after the drop")
    }
  }

  private static func restrictFiles(_ policy: ConfinementPolicy, enforcing: Bool) throws(Fault)
    -> ConfinementReport.Landlock
  {
    guard policy.landlock != .unused else { return .notRequested }
    guard let abi = LandlockRuleset.kernelABI() else {
      if policy.landlock == .wanted { return .absent }
      throw Fault(
        "this kernel does not have Landlock of ABI \(LandlockRuleset.oldestABI) or newer",
        remedy: "Boot Linux 5.19 or newer with `landlock` in CONFIG_LSM or lsm=")
    }
    guard enforcing else { return .inForce(abi: abi) }
    let rules = try LandlockRuleset(abi: abi)
    for path in policy.readWrite { try rules.allow(.readWrite, path) }
    for path in policy.readOnly { try rules.allow(.read, path) }
    for path in policy.createOnly { try rules.allow(.create, path) }
    for path in policy.receiveOnly { try rules.allow(.receive, path) }
    for path in policy.executable { try rules.allow(.execute, path) }
    for port in policy.connectPorts { try rules.allowConnecting(to: port) }
    // Needed by the proof, and for the peak of resident memory in the summary.
    try rules.allowOwnProcess()
    try rules.enforce()
    return .inForce(abi: abi)
  }

  private static func filterSystemCalls(_ policy: ConfinementPolicy) throws(Fault) {
    let mode = policy.systemCalls
    guard mode != .unfiltered else { return }
    let filter = try SeccompFilter(default: mode == .enforced ? .killProcess : .log)
    let rules = policy.table(processID())
    for rule in rules {
      // Logging refuses nothing except clone3, whose refusal makes the C library use clone.
      let isOnlyLogged = mode == .logged && rule.action == .refuse(.notPermitted)
      if isOnlyLogged { continue }
      guard rule.name == SystemCallTable.message else {
        try filter.add(rule.action, rule.name, where: rule.arguments)
        continue
      }
      guard let socket = policy.messageSocket else { continue }
      try filter.add(
        rule.action, rule.name, where: rule.arguments + [.equals(0, UInt64(UInt32(bitPattern: socket)))]
      )
    }
    for (rank, name) in SystemCallTable.frequent.enumerated()
    where rules.contains(where: { $0.name == name }) {
      try filter.setPriority(of: name, to: UInt8(255 - rank))
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
