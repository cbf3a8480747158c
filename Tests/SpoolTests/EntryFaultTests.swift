// Entries of the spool that cannot be handled, and whose fault that is.
import Foundation
import Kernel
import LabSupport
import Spool
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A fault of an entry` {
  /// Nobody can list what an entry may cause: every errno is tried.
  @Test func `is every one but those of the disk and of the process`() throws {
    let box = try Box()
    let entry = FileName("a\n.txt")
    var (reading, moving): ([Int32], [Int32]) = ([], [])
    for number in Int32(1)...133 {
      let fault = Fault("cannot move it", cause: Errno(number))
      if case .box = EntryError(reading: entry, fault) { reading.append(number) }
      switch EntryError(changing: entry, in: box.data.spool, fault) {
      case .box: moving.append(number)
      case .entry(let own): #expect("\(own)" == "a\\x0a.txt: \(fault)")
      }
    }
    #expect(reading == [ENOMEM, ENFILE, EMFILE].sorted())
    #expect(moving == [EIO, ENOMEM, ENFILE, EMFILE, ENOSPC, EROFS, EDQUOT].sorted())
    // A fault without an errno says what the entry is: not a regular file, for example.
    guard case .entry = EntryError(reading: entry, Fault("it is not a regular file")) else {
      throw LabError("the box's")
    }
  }

  @Test func `is none if the box may not change the directory`() throws {
    guard geteuid() != 0 else { return }
    let box = try Box()
    let denied = Fault("cannot move it", cause: .permissionDenied)
    guard case .box = EntryError(changing: FileName("a"), in: "/", denied) else {
      throw LabError("the entry's")
    }
    _ = box
  }

  /// `open` fails with EWOULDBLOCK while a process holds a write lease.
  @Test func `is not even one while a lease is held: the file waits`() throws {
    let box = try Box()
    try box.drop("leased.txt")
    try box.drop("good.txt")
    let lease = try Lease(box.url("spool/leased.txt").path)
    var claimed: [String] = []
    for _ in 0..<3 {
      for candidate in try box.list().queue {
        if let job = try box.spool.claim(candidate, now: box.now) { claimed.append(job.name) }
      }
      box.waitASecond()
    }
    #expect(claimed == ["good.txt"])
    #expect(try box.names("spool") == ["leased.txt"] && box.names("active") == ["good.txt"])
    lease.release()
    #expect(try box.claim()?.name == "leased.txt")
  }

  @Test func `is the file's if it is leased once it was claimed`() throws {
    let box = try Box()
    try box.drop("net.txt")
    let job = try #require(try box.claim())
    let lease = try Lease("\(job.directory)/net.txt")
    let error = #expect(throws: EntryError.self) { try job.readTargets() }
    guard case .entry(let own) = error else { throw LabError("the box's: \(error as Any)") }
    #expect(own.fault.cause == Errno(EWOULDBLOCK))
    lease.release()
    #expect(try job.readTargets().count == 17)
  }

  /// Times beyond 2554 do not fit into nanoseconds since 1970. tmpfs takes any time.
  @Test(arguments: ["@99999999999", "@-99999999999", "@9223372036854775807"])
  func `is no time, however odd`(_ time: String) throws {
    guard geteuid() == 0 else { throw LabError("this test needs root: it mounts a file system") }
    let box = try Box()
    try mountTmpfs(at: box.data.spool)
    defer { _ = try? run(["umount", "-l", box.data.spool]) }
    try box.restart()
    try box.drop("a.txt")
    // What touch(1) cannot parse is skipped by it; the file must be listed anyway.
    _ = try run(["touch", "-d", time, box.url("spool/a.txt").path])
    box.waitASecond()
    _ = try box.list()
    box.waitASecond()
    #expect(try box.list().queue.map(\.name) == ["a.txt"])
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
    let error = try #require(throws: EntryError.self) {
      if let candidate = listing.queue.first { _ = try box.spool.claim(candidate, now: box.now) }
      if let unusable = listing.unusable.first { _ = try box.spool.rejectUnusable(unusable) }
    }
    guard case .entry(let own) = error else { throw LabError("the box's: \(error)") }
    #expect(own.fault.cause == .resourceBusy)
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
