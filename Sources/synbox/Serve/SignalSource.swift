// Signals for the serving loop, also while it is busy with something that knows nothing of signals.
import Kernel
import Logging
import Synchronization

/// One reader of signals that two threads take turns at.
final class SignalSource: Sendable {
  let reader: SignalReader

  /// Make it before any thread is started.
  init() throws(Fault) { reader = try SignalReader([.interrupt, .terminate, .hangUp, .user1]) }

  /// SIGINT or SIGTERM, if one is pending; the others mean nothing yet.
  func ending() -> Signal? {
    while let signal = reader.next() {
      if signal == .interrupt || signal == .terminate { return signal }
    }
    return nil
  }

  private final class Flag: Sendable { let isSet = Atomic<Bool>(false) }

  /// Runs what may take long and leaves nothing half done: reading a large target file, waiting for ARP
  /// answers. A signal ends the process meanwhile, at once but for `last`; the job stays in active/.
  func ending<Value>(
    log: Logger, before last: @escaping @Sendable () -> Void, during body: () throws -> Value
  ) throws -> Value {
    let finished = Flag()
    let thread = try KernelThread(name: "signals", processor: nil) { [self] in
      while !finished.isSet.load(ordering: .acquiring) {
        guard poll(reader.number, -1, milliseconds: 10).first, let signal = ending() else { continue }
        log.notice("ended by a signal while preparing", metadata: ["signal": "\(signal.rawValue)"])
        last()
        endProcessAtOnce(128 + signal.rawValue)
      }
    }
    let result = Swift.Result { try body() }
    finished.isSet.store(true, ordering: .releasing)
    thread.join()
    return try result.get()
  }
}
