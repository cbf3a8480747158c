// Reading signals from a descriptor, instead of handling them (signalfd(2)).
import CLinux

/// Signals by their numbers on x86 and Arm (signal(7)).
public enum Signal: Int32, Sendable, CaseIterable {
  /// SIGINT.
  case interrupt = 2
  /// SIGTERM.
  case terminate = 15
  /// SIGHUP.
  case hangUp = 1
  /// SIGUSR1.
  case user1 = 10
  /// SIGCHLD: a child ended.
  case child = 17
  /// SIGKILL; can be sent, but not read.
  case kill = 9
  /// SIGSTOP; can be sent, but not read.
  case stop = 19
}

/// Blocks signals in the calling thread and all it starts, and reads them from a descriptor.
public struct SignalReader: ~Copyable, Sendable {
  private let descriptor: Descriptor
  /// The descriptor to poll.
  public var number: Int32 { descriptor.number }

  /// Blocks `signals`. Call it before starting any thread. Also ignores SIGPIPE.
  public init(_ signals: [Signal]) throws(Fault) {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for signal in signals { unsafe sigaddset(&set, signal.rawValue) }
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    // Ignore SIGPIPE, so that a closed pipe is a write error and does not end the process.
    clinux_ignore_sigpipe()
    let number = unsafe signalfd(-1, &set, Int32(SFD_NONBLOCK) | Int32(SFD_CLOEXEC))
    guard number >= 0 else { throw Fault("cannot read signals", cause: .last) }
    descriptor = Descriptor(owning: number)
  }

  /// Returns the next pending signal; nil if there is none.
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

/// Waits until one of two descriptors is readable, for at most `milliseconds`. Returns which are. Does not allocate.
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
