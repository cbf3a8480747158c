// Threads with a name and a processor of their own.
import CLinux

/// A running thread that must be joined.
@safe public struct KernelThread: ~Copyable, @unchecked Sendable {
  private let thread: pthread_t

  /// Hands a value to another thread once. The caller must not use it afterwards; `sending` parameters
  /// make the compiler see to that.
  private final class Work: @unchecked Sendable {
    let name: String
    let processor: Int?
    let body: () -> Void
    init(name: String, processor: Int?, body: sending @escaping () -> Void) {
      self.name = name
      self.processor = processor
      self.body = body
    }
  }

  /// Starts a thread; `name` shows in ps and top (15 bytes at most), `processor` pins it.
  ///
  /// A processor that does not exist or is not allowed leaves the thread unpinned.
  public init(name: String, processor: Int?, _ body: sending @escaping () -> Void) throws(Fault) {
    let work = Work(name: name, processor: processor, body: body)
    var thread = pthread_t()
    let error = unsafe pthread_create(
      &thread, nil,
      { argument in
        let work = unsafe Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue()
        unsafe clinux_name_thread(String(work.name.prefix(15)))
        if let processor = work.processor { _ = unsafe clinux_pin_thread([Int32(processor)], 1) }
        // The default slack of 50 us would show in the pacing.
        _ = clinux_prctl(PR_SET_TIMERSLACK, 1, 0)
        work.body()
        return nil
      }, Unmanaged.passRetained(work).toOpaque())
    guard error == 0 else {
      throw Fault("cannot start the thread \(name)", cause: Errno(error))
    }
    self.thread = thread
  }

  /// Waits until it has ended.
  public consuming func join() {
    _ = pthread_join(thread, nil)
  }
}

/// Processors this process may run on.
public var usableProcessors: [Int] {
  var list = [Int32](repeating: 0, count: 1024)
  let count = unsafe clinux_usable_processors(&list, Int32(list.count))
  return list.prefix(Int(max(0, count))).map(Int.init)
}

/// Runs `body` on one processor, then lets this thread have all that it had before; nil changes nothing.
public func onProcessor<Failure: Error>(
  _ processor: Int?, _ body: () throws(Failure) -> Void
) throws(Failure) {
  guard let processor else { return try body() }
  let before = usableProcessors.map { Int32($0) }
  _ = unsafe clinux_pin_thread([Int32(processor)], 1)
  defer { _ = unsafe clinux_pin_thread(before, Int32(before.count)) }
  try body()
}
