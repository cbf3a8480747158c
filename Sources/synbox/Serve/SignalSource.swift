// Signals for the serving loop, also while it is busy with something that knows nothing of signals.
import Kernel
import Logging
import Synchronization

/// One reader of signals that two threads take turns at.
final class SignalSource: Sendable {
  /// SIGINT and SIGTERM.
  let reader: SignalReader
  /// The others, in a queue of their own: whoever takes one of the first must not lose one of these.
  private let others: SignalReader

  /// Make it before any thread is started.
  init() throws(Fault) {
    reader = try SignalReader([.interrupt, .terminate])
    others = try SignalReader([.hangUp, .user1])
  }

  /// SIGINT or SIGTERM, if one is pending.
  func ending() -> Signal? { reader.next() }

  /// Whether SIGHUP came since the last call; SIGUSR1 means nothing.
  func isReloadWanted() -> Bool {
    var wanted = false
    while let signal = others.next() { wanted = wanted || signal == .hangUp }
    return wanted
  }

  private final class Flag: Sendable { let isSet = Atomic<Bool>(false) }

  /// Runs what may take long and leaves nothing half done: reading a large target file, waiting for ARP
  /// answers. A signal ends the process meanwhile, at once but for `last`; the job stays in active/.
  ///
  /// - Parameter eachSecond: called meanwhile, from another thread.
  func ending<Value>(
    log: Logger, eachSecond: @escaping @Sendable () -> Void,
    before last: @escaping @Sendable () -> Void,
    during body: () throws -> Value
  ) throws -> Value {
    let finished = Flag()
    let thread = try KernelThread(name: "signals", processor: nil) { [self] in
      var next = Clock.monotonic + 1_000_000_000
      while !finished.isSet.load(ordering: .acquiring) {
        if Clock.monotonic >= next {
          eachSecond()
          next = Clock.monotonic + 1_000_000_000
        }
        guard poll(reader.number, -1, milliseconds: 10).first, let signal = ending() else { continue }
        log.notice("ended by a signal while preparing", metadata: ["signal": "\(signal.rawValue)"])
        last()
        endProcessAtOnce(128 + signal.rawValue)
      }
    }
    let result = Result { try body() }
    finished.isSet.store(true, ordering: .releasing)
    thread.join()
    return try result.get()
  }
}
