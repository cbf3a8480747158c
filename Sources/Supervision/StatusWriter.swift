// The second service: writes the status while no scanner does. A process of its own, because a disk that stops responding
// stops whoever writes to it, and PID 1 must keep the watchdog alive.
import BoxAPI
import Confinement
import Init
import Kernel
import Spool

extension ServiceSpecification {
  /// The writer of the status. It drops its privileges itself, after it has locked the data directory.
  ///
  /// - Parameters:
  ///   - source: what it copies, in a file system that always responds.
  ///   - configuration: the scanner's, which names the data directory and its user.
  package static func statusWriter(
    program: String = "/bin/synbox", source: String, configuration: String
  ) -> Self {
    var timing = ServiceTiming(heartbeatSeconds: 15)
    // It has a disk to lock, no NIC to open.
    timing.startTimeout = 30 * ServiceTiming.second
    return Self(
      name: "status writer", program: program,
      arguments: [
        "write-status", "--source", source, "--config", configuration, "--heartbeat", "3",
      ], drop: .byService, timing: timing)
  }
}

/// Copies the status that PID 1 makes to the data directory, and adds what only the disk knows.
public struct StatusWriter {
  private let source: String
  private let data: DataDirectory
  private var writtenProblems: [String] = []
  private var pendingFlushes = 0

  /// Locks the data directory, drops all privilege, and writes once a second until the process is killed.
  ///
  /// - Parameters:
  ///   - user: what to run as; nil to keep this process's own.
  ///   - heartbeat: the descriptor of a pipe, inherited.
  public static func run(source: String, data: String, user: Credentials?, heartbeat: Int32)
    throws(Fault) -> Never
  {
    let pipe = try Descriptor.inherited(heartbeat)
    let directory = try DataDirectory(data, owner: user)
    _ = try Confinement.drop(
      ConfinementPolicy(
        readWrite: [data], readOnly: [Files.parent(of: source)], user: user, landlock: .required,
        lockedMemory: .unused))
    var writer = StatusWriter(source: source, data: directory)
    while true {
      try writer.write()
      // Not before, so that a heartbeat means that the disk responds.
      pipe.write([Beat.alive.rawValue], within: 0)
      pause(milliseconds: 1000)
    }
  }

  private init(source: String, data: DataDirectory) {
    self.source = source
    self.data = data
  }

  private mutating func write() throws(Fault) {
    let bytes = try Files.read(source, limit: 1 << 20)
    guard var status = BoxSnapshot(json: bytes) else { throw Fault("\(source) is no status") }
    status.disk = DiskUse(of: data.path)
    try status.write(status: data.status, metrics: data.metrics)
    // A new problem must survive a power cut, because somebody may pull the plug to read the disk elsewhere. Two
    // flushes, because writes alternate between two files.
    if writtenProblems != status.problems { pendingFlushes = 2 }
    writtenProblems = status.problems
    guard pendingFlushes > 0 else { return }
    pendingFlushes -= 1
    do throws(Fault) {
      try Files.sync(data.status)
    } catch {
      pendingFlushes = 2
      throw error
    }
  }
}
