// Starting and reaping child processes (posix_spawn(3), waitpid(2)).
import CLinux

/// How a process ended.
public enum ProcessEnd: Hashable, Sendable, CustomStringConvertible {
  case code(Int32)
  case signal(Int32)

  public var description: String {
    switch self {
    case .code(let code): "exit code \(code)"
    case .signal(let signal): "signal \(signal)"
    }
  }
}

public enum ChildProcess {
  /// Starts a program in a new session, with no signal blocked or ignored. It gets /dev/null as standard input, `output`
  /// as standard output and error, and `inherited` as descriptors 3 and up. It gets no others, because all descriptors
  /// of this process are close-on-exec.
  ///
  /// - Parameter environment: all of it, as `NAME=value`; this process's own is not passed on.
  /// - Returns: the process ID.
  public static func start(
    _ path: String, _ arguments: [String], environment: [String] = [], output: Int32, inherited: [Int32]
  ) throws(Fault) -> Int32 {
    // Duplicate them above the numbers that they will get, so that dup2 does not overwrite one.
    let passed = inherited.map { clinux_fcntl($0, F_DUPFD_CLOEXEC, 3 + Int32(inherited.count)) }
    defer { for number in passed where number >= 0 { close(number) } }
    guard passed.allSatisfy({ $0 >= 0 }) else { throw Fault("cannot start \(path)", cause: .last) }
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    for (number, descriptor) in zip(Int32(1)..., [output, output] + passed) {
      unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, number)
    }
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    unsafe sigemptyset(&none)
    var all = sigset_t()
    unsafe sigfillset(&all)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setsigdefault(&attributes, &all)
    let flags = Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF) | clinux_spawn_new_session
    unsafe posix_spawnattr_setflags(&attributes, flags)

    var process: pid_t = 0
    let words = CStrings(arguments)
    let variables = CStrings(environment)
    let error = unsafe posix_spawn(
      &process, path, &actions, &attributes, words.pointers, variables.pointers)
    guard error == 0 else { throw Fault("cannot start \(path)", cause: Errno(error)) }
    return process
  }

  /// Replaces the program of this process (execve(2)). Returns only by throwing.
  ///
  /// - Parameter environment: all of it, as `NAME=value`.
  public static func replace(_ path: String, _ arguments: [String], environment: [String])
    throws(Fault) -> Never
  {
    let words = CStrings(arguments)
    let variables = CStrings(environment)
    _ = unsafe execve(path, words.pointers, variables.pointers)
    throw Fault("cannot start \(path)", cause: .last)
  }

  /// Reaps a child that has ended. Returns nil if none has.
  ///
  /// - Parameter process: the child to look at; nil for any, including orphans that PID 1 has inherited.
  public static func reap(_ process: Int32? = nil) -> (process: Int32, end: ProcessEnd)? {
    var status: Int32 = 0
    let process = unsafe waitpid(process ?? -1, &status, WNOHANG)
    guard process > 0 else { return nil }
    // Swift does not import WIFEXITED and WTERMSIG (wait(2)): the low seven bits are the signal, 0 for an exit.
    let signal = status & 0x7f
    return (process, signal == 0 ? .code(status >> 8 & 0xff) : .signal(signal))
  }
}

/// The strings of an argument vector: C strings, and a null pointer at the end.
@safe private struct CStrings: ~Copyable {
  let pointers: [UnsafeMutablePointer<CChar>?]

  init(_ strings: [String]) {
    unsafe pointers = unsafe strings.map { unsafe strdup($0) } + [nil]
  }

  deinit {
    for index in unsafe pointers.indices { unsafe free(pointers[index]) }
  }
}

/// A pipe (pipe(7)). Both ends are close-on-exec, and reads do not block.
public struct PipeEnds: ~Copyable {
  public let reader: Descriptor
  public let writer: Descriptor

  public init() throws(Fault) {
    var ends: [Int32] = [-1, -1]
    guard unsafe clinux_pipe(&ends, O_CLOEXEC) == 0 else {
      throw Fault("cannot create a pipe", cause: .last)
    }
    reader = Descriptor(owning: ends[0])
    writer = Descriptor(owning: ends[1])
    // Writes may block, so that no output of the child is lost.
    _ = clinux_fcntl(ends[0], F_SETFL, O_NONBLOCK)
  }

  /// Returns the reading end and closes the other.
  public consuming func takeReader() -> Descriptor { reader }

  /// Returns the writing end and closes the other.
  public consuming func takeWriter() -> Descriptor { writer }
}
