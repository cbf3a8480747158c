// The longer scenarios: what a confined process can and cannot do.
import CConfinementProbe
import Confinement
import Dispatch
import Kernel

/// Known calls, or known calls with the wrong argument: EPERM, and the process lives.
@Sendable func refusedCalls(_: [String]) throws(Fault) {
  let map = probe_bpf_map_create()
  _ = try Confinement.drop(ConfinementPolicy())
  say("map-plain", symbol(probe_map_plain()))
  say("map-executable", symbol(probe_map_executable()))
  say("make-executable", symbol(probe_make_executable()))
  say("packet-socket", symbol(PrivilegeTrial.packetSocket.attempt()))
  say("inet-socket", symbol(probe_inet_socket()))
  say("change-root", symbol(PrivilegeTrial.changeRoot.attempt()))
  say("fork", symbol(probe_fork()))
  say("signal-parent", symbol(probe_signal_parent()))
  say("set-limit", symbol(probe_raise_limit()))
  say("map-create", symbol(-min(probe_bpf_map_create(), 0)))
  say("map-freeze", symbol(probe_bpf_map_freeze(map)))
}

/// A BPF map and a program that were opened before the drop.
@Sendable func openMap(_: [String]) throws(Fault) {
  let map = probe_bpf_map_create()
  guard map >= 0 else { throw Fault("cannot create a BPF map", cause: Errno(-map)) }
  let program = probe_bpf_program_load()
  guard program >= 0 else { throw Fault("cannot load a BPF program", cause: Errno(-program)) }
  say("before", symbol(probe_bpf_map_set(map, 41)))
  _ = try Confinement.drop(ConfinementPolicy(become: nobody))
  say("value", probe_bpf_map_get(map))
  say("update", symbol(probe_bpf_map_set(map, 42)))
  say("value-after", probe_bpf_map_get(map))
  say("run", symbol(probe_bpf_program_run(program)))
  say("load", symbol(-min(probe_bpf_program_load(), 0)))
}

/// In the working directory: `data` with `a/` and `b/` to write in, `shelf/file` to read, `outside`.
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
  say("read-passwd", symbol(probe_read_passwd()))
  say("read-other-process", symbol(probe_read_other_process()))
  say("list-tasks", try TaskStatus.tasks().count)
}

/// The Swift runtime, confined: concurrency, Dispatch, timers, allocation from many threads.
@Sendable func runtime(_: [String]) throws(Fault) {
  say("report", try Confinement.drop(ConfinementPolicy(readWrite: ["/tmp"], become: nobody)))
  let done = DispatchSemaphore(value: 0)
  Task.detached {
    try await Task.sleep(for: .milliseconds(20))
    let sum = await withTaskGroup(of: Int.self) { group in
      for part in 0..<64 { group.addTask { (0..<10_000).map { $0 ^ part }.count } }
      return await group.reduce(0, +)
    }
    say("sum", sum)
    done.signal()
  }
  done.wait()
  DispatchQueue.concurrentPerform(iterations: 32) { _ in _ = [UInt8](repeating: 1, count: 1 << 20) }
  // While work is waiting, Dispatch reads /proc/TASK/stat of its workers once a second, and traps when it
  // may not.
  let group = DispatchGroup()
  for _ in 0..<16 {
    DispatchQueue.global().async(group: group) {
      let end = ContinuousClock.now + .milliseconds(300)
      while ContinuousClock.now < end {}
    }
  }
  group.wait()
  let timer = DispatchSource.makeTimerSource()
  timer.setEventHandler { done.signal() }
  timer.schedule(deadline: .now() + .milliseconds(20))
  timer.resume()
  done.wait()
  let statuses = try TaskStatus.all()
  say("many-threads", statuses.count > 1)
  say(
    "all-confined",
    statuses.allSatisfy {
      ($0.permitted.union($0.effective).union($0.bounding)).isEmpty && $0.noNewPrivileges
        && $0.seccomp == .filter
    })
}
