// A child process, started by posix_spawn(3). Not by Foundation's Process: on Linux its monitor thread and
// waitUntilExit race for the run loop source, which crashed one test run in three.
import Foundation

/// A process with pipes for its output. Three threads read the pipes and reap the process, so that it never waits
/// for the test, and the test may look at any time.
final class Child: @unchecked Sendable {
  let pid: pid_t
  /// Signalled when output arrives or the process ends; guards everything below.
  private let changed = NSCondition()
  private var waitStatus: Int32?
  private var output = Data()
  private var errors = Data()
  private var openPipes = 2
  /// The writing end of standard input while it is kept open, otherwise -1.
  private var input: Int32

  /// Held from the making of pipes until the child runs: pipe2(2) is not imported, and a child that another thread starts
  /// in between would inherit the pipes and keep them open.
  private static let spawning = NSLock()

  /// Starts a program, looked up in `PATH`. It inherits no pipe of another child and no blocked signal: test
  /// threads block signals, and a program such as tcpdump would then ignore SIGTERM.
  ///
  /// - Parameters:
  ///   - input: whether standard input is a pipe; otherwise it is /dev/null.
  ///   - environment: added to this process's own.
  /// - Throws: `LabError` if the program cannot be started.
  init(_ arguments: [String], input hasInput: Bool, environment: [String: String]) throws {
    Self.spawning.lock()
    defer { Self.spawning.unlock() }
    let (outputPipe, errorPipe) = (try Self.pipe(), try Self.pipe())
    let inputPipe = hasInput ? try Self.pipe() : (read: -1, write: -1)
    defer {
      for end in [outputPipe.write, errorPipe.write, inputPipe.read] where end >= 0 { close(end) }
    }

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if hasInput {
      posix_spawn_file_actions_adddup2(&actions, inputPipe.read, 0)
    } else {
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    }
    posix_spawn_file_actions_adddup2(&actions, outputPipe.write, 1)
    posix_spawn_file_actions_adddup2(&actions, errorPipe.write, 2)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var (none, all) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

    let merged = ProcessInfo.processInfo.environment
      .merging(environment) { $1 }.merging([Leftovers.variable: Leftovers.thisRun]) { $1 }
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] = merged.map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in words + variables { free(text) } }
    var started: pid_t = 0
    let code = posix_spawnp(&started, arguments[0], &actions, &attributes, &words, &variables)
    guard code == 0 else {
      for end in [outputPipe.read, errorPipe.read, inputPipe.write] where end >= 0 { close(end) }
      throw LabError("cannot run \(arguments): \(String(cString: strerror(code)))")
    }
    pid = started
    input = inputPipe.write
    Thread.detachNewThread { self.read(outputPipe.read, into: \.output) }
    Thread.detachNewThread { self.read(errorPipe.read, into: \.errors) }
    Thread.detachNewThread { self.reap() }
  }

  /// Nil while the process runs; otherwise its status as wait(2) returns it.
  var endStatus: Int32? { changed.withLock { waitStatus } }
  var outputSoFar: Data { changed.withLock { output } }
  var errorsSoFar: Data { changed.withLock { errors } }

  /// Sends a signal; nothing happens if the process has ended, even if another has its number now.
  func signal(_ number: Int32) {
    changed.withLock { if waitStatus == nil { kill(pid, number) } }
  }

  /// Writes to standard input and closes it, on a thread of its own: the program may not read all of it.
  func write(_ data: Data) {
    Thread.detachNewThread { [self] in
      // A program that closes its input early would otherwise end the tests by SIGPIPE.
      var broken = sigset_t()
      sigemptyset(&broken)
      sigaddset(&broken, SIGPIPE)
      pthread_sigmask(SIG_BLOCK, &broken, nil)
      let descriptor = changed.withLock { input }
      var rest = data[...]
      while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { break }
        rest = rest.dropFirst(count)
      }
      closeInput()
    }
  }

  func closeInput() {
    changed.withLock {
      if input >= 0 { close(input) }
      input = -1
    }
  }

  /// Returns when `condition` holds, or false at the deadline. Looks after every change, and every 5 ms, because the
  /// condition may be about a file.
  func wait(until deadline: Date, _ condition: () throws -> Bool) rethrows -> Bool {
    while true {
      if try condition() { return true }
      guard Date() < deadline else { return false }
      changed.withLock { _ = changed.wait(until: min(deadline, Date(timeIntervalSinceNow: 0.005))) }
    }
  }

  /// Returns true when the process has ended and its output is complete. A program that it left behind can hold
  /// the pipes open, so the output counts as complete `grace` seconds after the end.
  func waitForEnd(seconds: Double, grace: Double = 5) -> Bool {
    changed.lock()
    defer { changed.unlock() }
    let deadline = Date(timeIntervalSinceNow: seconds)
    while waitStatus == nil { guard changed.wait(until: deadline) else { break } }
    guard waitStatus != nil else { return false }
    let patience = Date(timeIntervalSinceNow: grace)
    while openPipes > 0 { guard changed.wait(until: patience) else { break } }
    return true
  }

  private func read(_ descriptor: Int32, into stream: ReferenceWritableKeyPath<Child, Data>) {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { break }
      changed.withLock {
        self[keyPath: stream].append(contentsOf: buffer[..<count])
        changed.broadcast()
      }
    }
    close(descriptor)
    changed.withLock {
      openPipes -= 1
      changed.broadcast()
    }
  }

  private func reap() {
    // The number stays the process's own until waitpid, which the lock makes one with noting the end.
    var information = siginfo_t()
    while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) != 0 && errno == EINTR {}
    changed.withLock {
      var status: Int32 = 0
      while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
      waitStatus = status
      changed.broadcast()
    }
  }

  /// A pipe that no other child inherits.
  private static func pipe() throws -> (read: Int32, write: Int32) {
    var ends: [Int32] = [-1, -1]
    guard Glibc.pipe(&ends) == 0 else {
      throw LabError("cannot make a pipe: \(String(cString: strerror(errno)))")
    }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }
}
