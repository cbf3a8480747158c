// Signals as something to read, so that nothing runs in a handler (signalfd(2)).
import CLinux

public enum Signal: Int32, Sendable, CaseIterable {
  case interrupt = 2
  case terminate = 15
  case hangUp = 1
  case user1 = 10
  /// A child ended; x86 and Arm have this number (signal(7)).
  case child = 17
  /// These two can be sent, not read.
  case kill = 9
  case stop = 19
}

/// Blocks some signals in this thread, and so in all it starts, and reads them instead.
public struct SignalReader: ~Copyable, Sendable {
  private let descriptor: Descriptor
  /// To wait on.
  public var number: Int32 { descriptor.number }

  /// Call it before any thread is started.
  public init(_ signals: [Signal]) throws(Fault) {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for signal in signals { unsafe sigaddset(&set, signal.rawValue) }
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    // A reader that went away (head, a closed pipe) is a write error, not the end of the process.
    clinux_ignore_sigpipe()
    let number = unsafe signalfd(-1, &set, Int32(SFD_NONBLOCK) | Int32(SFD_CLOEXEC))
    guard number >= 0 else { throw Fault("cannot read signals", cause: .last) }
    descriptor = Descriptor(owning: number)
  }

  /// The next pending signal; nil when there is none.
  public func next() -> Signal? {
    var info = signalfd_siginfo()
    let size = MemoryLayout<signalfd_siginfo>.size
    guard unsafe CLinux.read(descriptor.number, &info, size) == size else { return nil }
    return Signal(rawValue: Int32(info.ssi_signo))
  }
}

/// Sends a signal to a process (kill(2)).
public func send(_ signal: Signal, to process: Int32) throws(Errno) {
  try syscall { kill(process, signal.rawValue) }
}

/// Waits until one of two descriptors can be read or `milliseconds` have passed; which can. Allocates nothing.
public func poll(_ first: Int32, _ second: Int32, milliseconds: Int) -> (first: Bool, second: Bool) {
  var entries: InlineArray<2, pollfd> = [
    pollfd(fd: first, events: Int16(POLLIN), revents: 0),
    pollfd(fd: second, events: Int16(POLLIN), revents: 0),
  ]
  var span = entries.mutableSpan
  let count = unsafe span.withUnsafeMutableBufferPointer {
    unsafe CLinux.poll($0.baseAddress, nfds_t($0.count), Int32(milliseconds))
  }
  guard count > 0 else { return (false, false) }
  return (entries[0].revents != 0, entries[1].revents != 0)
}
