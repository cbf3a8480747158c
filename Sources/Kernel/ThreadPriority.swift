// The share of a processor that a thread gets beside others.
import CLinux

public enum ThreadPriority {
  /// Gives this thread, and those that it starts afterwards, a small share beside others: nice 15, which is 3.4 % of a
  /// processor beside a thread at 0 (setpriority(2), sched(7)).
  public static func lower() throws(Fault) {
    do throws(Errno) {
      try syscall { setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 15) }
    } catch {
      throw Fault("cannot lower the priority of this thread", cause: error)
    }
  }
}
