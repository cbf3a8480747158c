// Entries of the spool that cannot be handled, and whose fault that is.
import Foundation
import Kernel
import LabSupport
import Spool
import Testing

@Suite(.timeLimit(.minutes(1))) struct `A fault of an entry` {
  @Test(arguments: [
    Errno.permissionDenied, .notPermitted, .tooManySymbolicLinkLevels, .fileNameTooLong, .isDirectory,
    .notDirectory, .directoryNotEmpty, .resourceBusy,
  ])
  func `is one that the entry can cause`(errno: Errno) throws {
    let box = try Box()
    let fault = Fault("cannot move it", cause: errno)
    let entry = try #require(box.spool.entryFault(fault, of: FileName("a\n.txt")))
    #expect("\(entry)" == "a\\x0a.txt: \(fault)")
  }

  @Test(arguments: [Errno.noSpace, Errno(5), Errno(30), Errno(122), .noFunction, nil])
  func `is none that the disk causes`(errno: Errno?) throws {
    let box = try Box()
    #expect(box.spool.entryFault(Fault("cannot move it", cause: errno), of: FileName("a")) == nil)
  }

  /// A mount point cannot be renamed.
  @Test(arguments: ["net.txt", "-net.txt"])
  func `leaves the entry in the spool and nothing in active`(name: String) throws {
    guard geteuid() == 0 else { throw LabError("this test needs root: it mounts a file") }
    let box = try Box()
    try box.drop(name)
    _ = try box.list()
    let path = box.url("spool/\(name)").path
    try mustRun(["mount", "--bind", path, path])
    defer { _ = try? run(["umount", path]) }
    box.waitASecond()
    let listing = try box.list()
    let fault = try #require(throws: Fault.self) {
      if let candidate = listing.queue.first { _ = try box.spool.claim(candidate, now: box.now) }
      if let unusable = listing.unusable.first { _ = try box.spool.rejectUnusable(unusable) }
    }
    #expect(fault.cause == .resourceBusy)
    #expect(box.spool.entryFault(fault, of: FileName(name)) != nil)
    #expect(try box.names("active") == [])
    #expect(try box.names("spool") == [name])
    try mustRun(["umount", path])
    if listing.queue.isEmpty {
      #expect(try box.spool.rejectUnusable(FileName(name)) == "_\(name)")
    } else {
      #expect(try box.claim()?.name == name)
    }
  }
}
