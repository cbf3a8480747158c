// A data directory for one test, and the operations of an operator.
import Foundation
import Kernel
import LabSupport
import Spool

/// A data directory that is removed when the test ends.
final class Box {
  let root: URL
  let data: DataDirectory
  private(set) var spool: Spool
  /// The test's CLOCK_MONOTONIC, nanoseconds.
  var now: UInt64 = 1_000_000_000

  init() throws {
    root = FileManager.default.temporaryDirectory.appending(path: "spool-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    data = try DataDirectory(root.path)
    spool = try Spool(data)
  }

  deinit { try? FileManager.default.removeItem(at: root) }

  /// Opens the spool again, as a new process would.
  func restart(existingFilesAreComplete: Bool = false) throws {
    spool = try Spool(data, existingFilesAreComplete: existingFilesAreComplete)
  }

  func url(_ path: String) -> URL { root.appending(path: path) }

  /// Writes a file under a hidden name and renames it, as operators should.
  func drop(_ name: String, _ text: String = "198.18.0.0/24:80\n") throws {
    try Data(text.utf8).write(to: url("spool/.upload"))
    try Files.rename(url("spool/.upload").path, to: "\(data.spool)/\(name)")
  }

  func list() throws -> Spool.Listing { try spool.list(now: now) }

  /// Lists the spool until the queue has a file, for up to 10 s: the descriptor that a test has closed may have a copy,
  /// as `claim` says.
  func listOnceClosed() throws -> Spool.Listing {
    let deadline = Clock.monotonic + 10_000_000_000
    while true {
      let listing = try list()
      if !listing.queue.isEmpty || Clock.monotonic > deadline { return listing }
      usleep(10_000)
    }
  }

  /// Claims the first file in the queue; nil if there is none.
  ///
  /// Tries again for up to 10 s, because a child process that another test is starting has a copy of every open
  /// descriptor until it calls execve(2), so the file can look open for writing.
  func claim() throws -> Job? {
    let deadline = Clock.monotonic + 10_000_000_000
    while true {
      if let first = try list().queue.first, let job = try spool.claim(first, now: now) { return job }
      guard try list().arriving > 0, Clock.monotonic < deadline else { return nil }
      pause(milliseconds: 1)
      waitASecond()
    }
  }

  func text(_ path: String) throws -> String {
    String(decoding: try Data(contentsOf: url(path)), as: UTF8.self)
  }

  /// The names in a directory, sorted.
  func names(_ path: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: url(path).path).sorted()
  }

  func waitASecond() { now += 1_000_000_000 }
}

/// Mounts a file system of 1 MiB. Needs root.
func mountTmpfs(at path: String) throws {
  guard geteuid() == 0 else { throw LabError("this test needs root: it mounts a file system") }
  try mustRun(["mount", "-t", "tmpfs", "-o", "size=1M", "none", path])
}

/// A write lease on a file (fcntl(2), F_SETLEASE), as another process could hold it.
final class Lease {
  private var descriptor: Int32

  init(_ path: String) throws {
    // The holder is told of every open(2) by a signal that would end it.
    signal(SIGIO, SIG_IGN)
    descriptor = unsafe open(path, O_RDWR)
    guard descriptor >= 0 else { throw LabError("cannot open \(path): \(errno)") }
    // Another test may be starting a child process, which has a copy of every descriptor for a moment.
    for _ in 0..<1000 {
      if fcntl(descriptor, 1024, F_WRLCK) == 0 { return }
      usleep(1_000)
    }
    throw LabError("no lease on \(path): \(errno)")
  }

  func release() {
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
  }

  deinit { release() }
}
