// The longer scenarios: what a confined process can do and what it cannot.
import CConfinementProbe
import Confinement
import Kernel
import Synchronization

/// Calls that the filter refuses; the process survives them.
@Sendable func refusedCalls(_: [String]) throws(Fault) {
  _ = try Confinement.drop(ConfinementPolicy())
  say("map-plain", symbol(probe_map_plain()))
  say("packet-socket", symbol(PrivilegeTrial.packetSocket.attempt()))
  say("inet-socket", symbol(probe_inet_socket()))
  say("clone3", symbol(probe_system_call(435, 0, 0, 0)))
}

/// A call that an intruder would make, named by the argument.
@Sendable func intrusion(_ arguments: [String]) throws(Fault) {
  guard let name = arguments.first else {
    throw Fault("the argument is missing: the name of an intrusion")
  }
  let error = probe_prepare_intrusions()
  guard error == 0 else { throw Fault("cannot prepare", cause: Errno(error)) }
  _ = try Confinement.drop(ConfinementPolicy(user: nobody))
  say("confined", true)
  say("outcome", unsafe symbol(probe_intrusion(name)))
}

/// A message on the socket that the policy names and, if the argument is `other`, on another.
@Sendable func message(_ arguments: [String]) throws(Fault) {
  let sockets = [probe_udp_socket(), probe_udp_socket()]
  guard sockets.allSatisfy({ $0 >= 0 }) else { throw Fault("no UDP socket") }
  _ = try Confinement.drop(ConfinementPolicy(messageSocket: sockets[0], user: nobody))
  say("named", symbol(probe_message(sockets[0])))
  if arguments.first == "other" { say("other", symbol(probe_message(sockets[1]))) }
}

/// What Landlock denies without the filter. The process stays root, which may signal and connect.
@Sendable func landlockAlone(_: [String]) throws(Fault) {
  let socket = probe_tcp_socket()
  guard socket >= 0 else { throw Fault("no TCP socket", cause: Errno(-socket)) }
  say("connect-before", symbol(probe_connect(socket)))
  say("signal-before", symbol(probe_signal_parent()))
  say(
    "report",
    try Confinement.drop(ConfinementPolicy(systemCalls: .unfiltered, landlock: .required)))
  say("connect", symbol(probe_connect(socket)))
  say("signal", symbol(probe_signal_parent()))
}

/// The calls of rare situations, by their numbers and with arguments that their rules allow.
@Sendable func rareCalls(_ arguments: [String]) throws(Fault) {
  _ = try Confinement.drop(ConfinementPolicy())
  for call in arguments {
    let numbers = call.split(separator: ",").compactMap { UInt($0) }
    guard numbers.count == 4 else { throw Fault("not a call: \(call)") }
    let process = UInt(processID())
    let one = numbers[1] == .max ? process : numbers[1]
    say(call, symbol(probe_system_call(Int(numbers[0]), one, numbers[2], numbers[3])))
  }
}

/// Use of a BPF map and a program that were opened before the drop.
@Sendable func openMap(_: [String]) throws(Fault) {
  let map = probe_bpf_map_create()
  guard map >= 0 else { throw Fault("cannot create a BPF map", cause: Errno(-map)) }
  let program = probe_bpf_program_load()
  guard program >= 0 else { throw Fault("cannot load a BPF program", cause: Errno(-program)) }
  say("before", symbol(probe_bpf_map_set(map, 41)))
  _ = try Confinement.drop(ConfinementPolicy(user: nobody))
  say("value", probe_bpf_map_get(map))
  say("run", symbol(probe_bpf_program_run(program)))
}

/// Access to files in the working directory: `data/a` and `data/b` to write to, `shelf/file` to read, `outside`.
@Sendable func files(_: [String]) throws(Fault) {
  let policy = ConfinementPolicy(readWrite: ["data"], readOnly: ["shelf"], landlock: .required)
  say("report", try Confinement.drop(policy))
  say("create-inside", symbol(probe_create_in_data()))
  say("rename-inside", symbol(probe_rename_in_data()))
  say("unlink-inside", symbol(probe_unlink_in_data()))
  say("read-shelf", symbol(probe_read_shelf()))
  say("write-shelf", symbol(probe_write_shelf()))
  say("create-on-shelf", symbol(probe_create_on_shelf()))
  say("read-outside", symbol(probe_read_outside()))
  say("unlink-outside", symbol(probe_unlink_outside()))
  say("read-passwd", symbol(probe_read_passwd()))
  say("read-shadow", symbol(probe_read_shadow()))
  say("read-other-process", symbol(probe_read_other_process()))
  say("list-tasks", try TaskStatus.tasks().count)
}

/// Shows that the rule for the process's own part of /proc survives the kernel's shrinking its caches.
@Sendable func cacheTrimmed(_: [String]) throws(Fault) {
  _ = try Confinement.drop(ConfinementPolicy(user: nobody))
  say("ready", true)
  var input = [UInt8](repeating: 0, count: 1)
  let standardInput = Descriptor(owning: 0)
  do throws(Errno) { _ = try standardInput.read(into: &input) } catch {
    throw Fault("no input", cause: error)
  }
  say("tasks", try TaskStatus.all().count)
  say("peak", try TaskStatus.peakResidentBytes() > 0)
}

/// Threads of a confined process: they start, wait for locks, allocate from arenas of their own, end, and are joined.
@Sendable func runtime(_: [String]) throws(Fault) {
  say("report", try Confinement.drop(ConfinementPolicy(user: nobody)))
  let sum = Sum()
  for _ in 0..<4 {
    let first = try KernelThread(name: "first", processor: nil) { sum.add() }
    let second = try KernelThread(name: "second", processor: 0) { sum.add() }
    say("both-confined", try allConfined())
    first.join()
    second.join()
  }
  say("sum", sum.value.withLock { $0 })
}

private func allConfined() throws(Fault) -> Bool {
  try TaskStatus.all().allSatisfy {
    $0.permitted.union($0.effective).union($0.bounding).isEmpty && $0.noNewPrivileges
      && $0.seccomp == .filter && $0.users == [nobody.uid, nobody.uid, nobody.uid, nobody.uid]
  }
}

private final class Sum: Sendable {
  let value = Mutex(0)

  func add() {
    for turn in 0..<20_000 {
      // Small blocks from an arena, large ones from mmap(2).
      let memory = [UInt8](repeating: 1, count: turn % 1000 == 0 ? 1 << 20 : 100 + turn % 1000)
      value.withLock { $0 += Int(memory[turn % 100]) }
    }
  }
}
