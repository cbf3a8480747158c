// Signals for the control thread, including while it runs code that does not poll for them.
import Kernel
import Logging
import Synchronization

/// Reads signals for two threads, of which only one reads at a time.
final class SignalSource: Sendable {
  /// Reads SIGINT and SIGTERM.
  let reader: SignalReader
  /// Reads the other signals. It has a queue of its own so that a thread that reads a termination signal cannot
  /// lose one of these.
  private let reloadReader: SignalReader

  /// Must be created before any thread starts, because threads inherit the signal mask.
  ///
  /// - Parameter reloads: reads SIGHUP and SIGUSR1.
  init(reloads: consuming SignalReader) throws(Fault) {
    reader = try SignalReader([.interrupt, .terminate])
    reloadReader = reloads
  }

  /// Returns SIGINT or SIGTERM if one is pending.
  func nextTermination() -> Signal? { reader.next() }

  /// Returns whether SIGHUP has arrived since the last call. SIGUSR1 is read and ignored.
  func takeReloadRequest() -> Bool {
    var isRequested = false
    while let signal = reloadReader.next() { isRequested = isRequested || signal == .hangUp }
    return isRequested
  }

  private final class Flag: Sendable { let isSet = Atomic<Bool>(false) }

  /// Runs code that may take long and can be abandoned at any point, such as parsing a large target file or
  /// waiting for ARP replies. If SIGINT or SIGTERM arrives meanwhile, the process exits at once with
  /// 128 + the signal's number; the job stays in active/.
  ///
  /// - Parameters:
  ///   - everySecond: called meanwhile from another thread.
  ///   - beforeExit: called from another thread before the process exits.
  func runInterruptibly<Value>(
    log: Logger, everySecond: @escaping @Sendable () -> Void,
    beforeExit: @escaping @Sendable () -> Void, _ body: () throws -> Value
  ) throws -> Value {
    let finished = Flag()
    let thread = try KernelThread(name: "signals", processor: nil) { [self] in
      var next = Clock.monotonic + 1_000_000_000
      while !finished.isSet.load(ordering: .acquiring) {
        if Clock.monotonic >= next {
          everySecond()
          next = Clock.monotonic + 1_000_000_000
        }
        guard poll(reader.number, -1, milliseconds: 10).first, let signal = nextTermination() else {
          continue
        }
        log.notice(
          "stopped by a signal while preparing a job", metadata: ["signal": "\(signal.rawValue)"])
        beforeExit()
        endProcessAtOnce(128 + signal.rawValue)
      }
    }
    let result = Result { try body() }
    finished.isSet.store(true, ordering: .releasing)
    thread.join()
    return try result.get()
  }
}
