// What somebody could do who has taken over the management service: with its user, its files and its system calls.
import CConfinementProbe
import Confinement
import Kernel
import ManageHost

private let service = Credentials(uid: 60901, gid: 60901)

/// Drops as the service does.
///
/// - Parameter data: the data directory; beside it is `etc/` with the token file.
private func dropAsService(_ data: String) throws(Fault) {
  _ = try HostSetup.prepare(data, for: service)
  let policy = ManagePolicy.policy(
    data: data, tokens: "\(data)/../etc/tokens.toml", user: service, landlock: .required)
  say("report", try Confinement.drop(policy))
}

/// Tries to reach files. The arguments are the data directory, a running job, a finished one, a file in the spool and the
/// scanner's process ID; with a sixth one the process keeps its privileges, which shows that each attempt could succeed.
@Sendable func manageAttempts(_ arguments: [String]) throws(Fault) {
  guard arguments.count >= 5 else { throw Fault("expected DATA RUNNING FINISHED WAITING PROCESS") }
  let (data, process) = (arguments[0], arguments[4])
  let running = "\(data)/active/\(arguments[1])"
  let results = "\(data)/results/\(arguments[2])"
  let waiting = "\(data)/spool/\(arguments[3])"
  let isConfined = arguments.count == 5
  if isConfined { try dropAsService(data) }

  // What the service is for.
  attempt("may read results", "\(results)/results.csv", probe_open_read())
  attempt("may read the status", "\(data)/status.json", probe_open_read())
  for name in ["one", "two"] {
    attempt("may stage \(name)", "\(data)/staging/manage/\(name)", probe_open_create())
  }
  move("may submit", "\(data)/staging/manage/one", "\(data)/spool/submitted.part")
  attempt("may mark", "\(results)/fetched", probe_open_mark())

  readSecrets(data, running, process)
  changeFiles(data, results, waiting)
  say("a socket", symbol(probe_inet_socket()))
  // Last, because they succeed without confinement, and then nothing is left.
  move("take results", "\(results)/results.csv", "\(data)/staging/manage/taken")
  move("take a target file", waiting, "\(data)/staging/manage/waiting")
  move("take the key", "\(running)/job.json", "\(data)/staging/manage/key")
  for (what, path) in [
    ("a mark", "\(results)/fetched"), ("a summary", "\(results)/summary.json"),
    ("the submitted file", "\(data)/spool/submitted.part"), ("the status", "\(data)/status.json"),
    ("the configuration", "\(data)/../etc/synbox.toml"),
  ] { say("remove \(what)", unsafe symbol(probe_remove(path))) }
}

private func readSecrets(_ data: String, _ running: String, _ process: String) {
  attempt("list jobs", "\(data)/active", probe_open_list())
  attempt("read the key", "\(running)/job.json", probe_open_read())
  attempt("read the journal", "\(running)/results.partial", probe_open_read())
  // Links that somebody else has put there.
  attempt("read the key by a link", "\(data)/spool/.link-to-key", probe_open_read())
  attempt("read outside by a link", "\(data)/spool/.link-outside", probe_open_read())
  attempt("read outside by ..", "\(data)/spool/../../outside", probe_open_read())
  attempt("read outside by /proc", "/proc/self/root\(data)/../outside", probe_open_read())
  for path in ["/etc/passwd", "/etc/shadow"] { attempt("read \(path)", path, probe_open_read()) }
  attempt("list /", "/", probe_open_list())
  attempt("list /proc", "/proc", probe_open_list())
  for file in ["environ", "maps", "mem", "status"] {
    attempt("read the scanner's \(file)", "/proc/\(process)/\(file)", probe_open_read())
  }
  attempt("read by the scanner's root", "/proc/\(process)/root\(data)/../outside", probe_open_read())
  attempt("list the scanner's descriptors", "/proc/\(process)/fd", probe_open_list())
  attempt("read process 1", "/proc/1/status", probe_open_read())
  for path in ["/dev/null", "/dev/zero", "/sys/kernel/notes"] {
    attempt("read \(path)", path, probe_open_read())
  }
}

private func changeFiles(_ data: String, _ results: String, _ waiting: String) {
  attempt("write results", "\(results)/results.csv", probe_open_write())
  attempt("change results", "\(results)/results.csv", probe_open_change())
  attempt("truncate results", "\(results)/summary.json", probe_open_truncate())
  move("put a file into results", "\(data)/staging/manage/two", "\(results)/two")
  attempt("write a target file", waiting, probe_open_write())
  attempt("reject", "\(data)/rejected/two", probe_open_create())
  attempt("write the status", "\(data)/status.json", probe_open_write())
  attempt("create in the data directory", "\(data)/two", probe_open_create())
  attempt("create a job", "\(data)/active/two", probe_open_create())
  attempt("write the configuration", "\(data)/../etc/synbox.toml", probe_open_write())
  attempt("write the tokens", "\(data)/../etc/tokens.toml", probe_open_write())
  attempt("create a configuration", "\(data)/../etc/two", probe_open_create())
  attempt("write its certificate", "\(data)/manage/certificate.pem", probe_open_write())
  attempt("write outside by a link", "\(data)/spool/.link-outside", probe_open_write())
  attempt("write its own memory", "/proc/self/mem", probe_open_change())
  attempt("write /proc/sys", "/proc/sys/kernel/core_pattern", probe_open_write())
}

private func attempt(_ what: String, _ path: String, _ flags: Int32) {
  say(what, unsafe symbol(probe_open_anywhere(path, flags)))
}

private func move(_ what: String, _ from: String, _ to: String) {
  say(what, unsafe symbol(probe_move_new(from, to)))
}

/// A call that an intruder would make, with the rights of the service. The arguments are the data directory and the name.
@Sendable func manageIntrusion(_ arguments: [String]) throws(Fault) {
  guard arguments.count == 2 else { throw Fault("expected DATA NAME") }
  let error = probe_prepare_intrusions()
  guard error == 0 else { throw Fault("cannot prepare", cause: Errno(error)) }
  try dropAsService(arguments[0])
  say("confined", true)
  say("outcome", unsafe symbol(probe_intrusion(arguments[1])))
}

/// Calls by their numbers and three arguments, with the rights of the service. `heap` damages the heap.
@Sendable func manageCalls(_ arguments: [String]) throws(Fault) {
  guard let data = arguments.first else { throw Fault("expected DATA CALLS") }
  try dropAsService(data)
  say("confined", true)
  for call in arguments.dropFirst() {
    if call == "heap" { probe_damage_heap() }
    let numbers = call.split(separator: ",").compactMap { Int($0) }
    guard numbers.count == 4 else { throw Fault("not a call: \(call)") }
    let words = numbers.map { UInt(bitPattern: $0) }
    say(call, symbol(probe_system_call(numbers[0], words[1], words[2], words[3])))
  }
}
