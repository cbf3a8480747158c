// Threads with a name and an affinity.
import CLinux

/// A running thread. Must be joined.
@safe public struct KernelThread: ~Copyable, @unchecked Sendable {
  private let thread: pthread_t

  /// What a new thread gets. Sendable, because its parameters are `sending`: the creator cannot use them afterwards.
  private final class StartArgument: @unchecked Sendable {
    let name: String
    let processor: Int?
    let body: () -> Void
    init(name: String, processor: Int?, body: sending @escaping () -> Void) {
      self.name = name
      self.processor = processor
      self.body = body
    }
  }

  /// Starts a thread.
  ///
  /// - Parameters:
  ///   - name: shown by ps and top, truncated to 15 bytes.
  ///   - processor: the processor to pin the thread to. If it does not exist or is not allowed, the thread is not
  ///     pinned.
  public init(name: String, processor: Int?, _ body: sending @escaping () -> Void) throws(Fault) {
    let start = StartArgument(name: name, processor: processor, body: body)
    var thread = pthread_t()
    let error = unsafe pthread_create(
      &thread, nil,
      { argument in
        let start = unsafe Unmanaged<StartArgument>.fromOpaque(argument!).takeRetainedValue()
        unsafe clinux_name_thread(String(start.name.prefix(15)))
        if let processor = start.processor { _ = unsafe clinux_pin_thread([Int32(processor)], 1) }
        // The default timer slack of 50 us would make the pacing imprecise.
        _ = clinux_prctl(PR_SET_TIMERSLACK, 1, 0)
        start.body()
        return nil
      }, Unmanaged.passRetained(start).toOpaque())
    guard error == 0 else {
      throw Fault("cannot start the thread \(name)", cause: Errno(error))
    }
    self.thread = thread
  }

  /// Waits until the thread has ended.
  public consuming func join() {
    _ = pthread_join(thread, nil)
  }
}

/// The processors that the calling thread may run on (sched_getaffinity(2)).
public var usableProcessors: [Int] {
  var list = [Int32](repeating: 0, count: 1024)
  let count = unsafe clinux_usable_processors(&list, Int32(list.count))
  return list.prefix(Int(max(0, count))).map(Int.init)
}

/// Runs `body` pinned to a processor, then restores the calling thread's affinity. nil does not pin it.
public func onProcessor<Failure: Error>(
  _ processor: Int?, _ body: () throws(Failure) -> Void
) throws(Failure) {
  guard let processor else { return try body() }
  let before = usableProcessors.map { Int32($0) }
  _ = unsafe clinux_pin_thread([Int32(processor)], 1)
  defer { _ = unsafe clinux_pin_thread(before, Int32(before.count)) }
  try body()
}
