// The scenarios by name. A scenario gets the arguments that the test passes after the name.
import CConfinementProbe
import Confinement
import Kernel

typealias Scenario = @Sendable ([String]) throws(Fault) -> Void

let nobody = Credentials(uid: 65534, gid: 65534)

let scenarios: [String: Scenario] = [
  "drop": { (_) throws(Fault) in
    say("report", try Confinement.drop(ConfinementPolicy()))
    report(try TaskStatus.all())
  },
  "threads-afterwards": { (_) throws(Fault) in
    _ = try Confinement.drop(ConfinementPolicy())
    for _ in 0..<3 { say("thread", probe_start_thread()) }
    report(try TaskStatus.all())
  },
  "thread-before": { (_) throws(Fault) in
    say("thread", probe_start_thread())
    _ = try Confinement.drop(ConfinementPolicy())
  },
  "keep-bpf": { (_) throws(Fault) in
    let wanted = Capabilities(permitted: [.CAP_BPF, .CAP_PERFMON], effective: .CAP_BPF)
    try wanted.apply()
    let now = try Capabilities.current()
    say("permitted", now.permitted)
    say("effective", now.effective)
    say("inheritable", now.inheritable)
    report(try TaskStatus.all())
  },
  "drop-all-twice": { (_) throws(Fault) in
    try Capabilities.dropAll()
    say("bounding", Capabilities.bounding())
    try Capabilities.dropAll()
  },
  "root-exec": { (_) throws(Fault) in
    try Capabilities.dropAll()
    say("execve", symbol(probe_execve_status()))
  },
  "become-nobody": { (_) throws(Fault) in
    say("report", try Confinement.drop(ConfinementPolicy(user: nobody)))
    say("user", Credentials.current())
    report(try TaskStatus.all())
  },
  "start-as-nobody": { (_) throws(Fault) in
    try nobody.assume()
    say("report", try Confinement.drop(ConfinementPolicy()))
    report(try TaskStatus.all())
  },
  "omit-capabilities": { (_) throws(Fault) in
    say("report", try Confinement.drop(ConfinementPolicy(), omitting: .capabilities))
  },
  "omit-capabilities-and-status": { (_) throws(Fault) in
    let omitted: Omissions = [.capabilities, .statusProof]
    say("report", try Confinement.drop(ConfinementPolicy(), omitting: omitted))
  },
  "omit-filter": { (_) throws(Fault) in
    say("report", try Confinement.drop(ConfinementPolicy(), omitting: .systemCallFilter))
  },
  "omit-landlock": { (_) throws(Fault) in
    let policy = ConfinementPolicy(readOnly: ["/usr"])
    say("report", try Confinement.drop(policy, omitting: .landlock))
  },
  "capabilities-alone": { (_) throws(Fault) in
    let policy = ConfinementPolicy(systemCalls: .unfiltered, landlock: .unused)
    say("report", try Confinement.drop(policy))
    say("packet-socket", symbol(PrivilegeTrial.packetSocket.attempt()))
    say("change-root", symbol(PrivilegeTrial.changeRoot.attempt()))
    say("interface-flags", symbol(probe_interface_flags()))
    say("inet-socket", symbol(probe_inet_socket()))
    say("map-create", symbol(-min(probe_bpf_map_create(), 0)))
  },
  "refused-calls": refusedCalls,
  "intrusion": intrusion,
  "intrusions": { (_) throws(Fault) in
    var number: Int32 = 0
    while let name = unsafe probe_intrusion_name(number) {
      say("name", unsafe String(cString: name))
      number += 1
    }
  },
  "message": message,
  "landlock-alone": landlockAlone,
  "rare-calls": rareCalls,
  "abort": { (_) throws(Fault) in
    _ = try Confinement.drop(ConfinementPolicy())
    probe_damage_heap()
  },
  "trap": { (_) throws(Fault) in
    _ = try Confinement.drop(ConfinementPolicy())
    fatalError("asked to")
  },
  "log-only": { (_) throws(Fault) in
    say("report", try Confinement.drop(ConfinementPolicy(systemCalls: .logged)))
    say("inet-socket", symbol(probe_inet_socket()))
  },
  "open-map": openMap,
  "files": files,
  "missing-path": { (_) throws(Fault) in
    say("report", try Confinement.drop(ConfinementPolicy(readWrite: ["/no/such/directory"])))
  },
  "runtime": runtime,
  // For docs/design/confinement.md.
  "document": { (_) throws(Fault) in Terminal.output(SystemCallTable.document) },
  "omit-user": { (_) throws(Fault) in
    say("report", try Confinement.drop(ConfinementPolicy(user: nobody), omitting: .user))
  },
  "cache-trimmed": cacheTrimmed,
  // As PID 1 runs it; the service is a scenario, too.
  "start-helper": { (words) throws(Fault) in try StartHelper(parsing: words).run() },
  "service": service,
  "manage-attempts": manageAttempts,
  "manage-intrusion": manageIntrusion,
  "manage-calls": manageCalls,
  "without-landlock": { (words) throws(Fault) in
    try setNoNewPrivileges()
    let filter = try SeccompFilter(default: .allow)
    // ENOSYS, as on a kernel that does not have it.
    try filter.add(.refuse(Errno(38)), "landlock_create_ruleset")
    try filter.load()
    try ChildProcess.replace(words.first ?? "", words, environment: [])
  },
]

/// `OK` or the errno's name.
func symbol(_ errno: Errno?) -> String { errno?.symbol ?? "OK" }
func symbol(_ number: Int32) -> String { number == 0 ? "OK" : Errno(number).symbol }

/// Prints one line per thread, in a form that tests can compare.
func report(_ statuses: [TaskStatus]) {
  for status in statuses {
    let sets = [
      status.inheritable, status.permitted, status.effective, status.bounding, status.ambient,
    ].map { String($0.rawValue, radix: 16) }.joined(separator: " ")
    say("user-ids", "\(status.users) \(status.groups) \(status.supplementaryGroups)")
    say("task", "\(sets) nnp \(status.noNewPrivileges) seccomp \(status.seccomp)")
  }
}
