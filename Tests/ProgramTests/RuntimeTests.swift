// How the runtime answers the box: requests to cancel, and whose fault a fault is.
import Box
import Foundation
import Kernel
import LabSupport
import Spool
import Testing

@testable import synbox

@Suite(.timeLimit(.minutes(5))) struct `A request to cancel a job that the box does not have` {
  /// What became of a request, and what is left in the spool.
  private func dismissal(_ prepare: (TestDirectory, Spool) throws -> Void) throws -> (
    Dismissal, spool: [String]
  ) {
    let directory = try TestDirectory()
    let data = try DataDirectory(directory.path)
    let spool = try Spool(data)
    try prepare(directory, spool)
    try directory.write("", to: "spool/net.txt.cancel")
    let listing = try spool.list(now: 1)
    let answer = try spool.dismiss("net.txt.cancel", of: "net.txt", in: listing)
    return (
      answer, try FileManager.default.contentsOfDirectory(atPath: data.spool).sorted()
    )
  }

  @Test func `waits for a file that is still being written`() throws {
    var handle: FileHandle?
    let (answer, spool) = try dismissal { directory, _ in
      try directory.write("198.18.4.1:80\n", to: "spool/net.txt")
      handle = FileHandle(forWritingAtPath: directory.url("spool/net.txt").path)
    }
    #expect(answer == .deferred && spool == ["net.txt", "net.txt.cancel"])
    try handle?.close()
  }

  @Test(arguments: ["results", "rejected"])
  func `is removed if the job has ended`(_ place: String) throws {
    let (answer, spool) = try dismissal { directory, _ in
      try FileManager.default.createDirectory(
        at: directory.url("\(place)/net.txt"), withIntermediateDirectories: false)
    }
    #expect(answer == .ended && spool.isEmpty)
  }

  @Test func `is rejected if there never was such a job`() throws {
    let (answer, spool) = try dismissal { _, _ in }
    #expect(answer == .rejected(as: "net.txt.cancel") && spool.isEmpty)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A fault of the machine` {
  private static let kinds: [(Int32, Failure.Kind)] = [
    (ENOSPC, .full), (EDQUOT, .full), (EROFS, .storage), (EIO, .storage), (ENOMEM, .storage),
    (EMFILE, .storage), (ENFILE, .storage), (ENETDOWN, .link), (EOPNOTSUPP, .link),
    (EHOSTUNREACH, .gateway), (EINVAL, .box), (EPERM, .box),
  ]

  @Test(arguments: kinds) func `has a kind by its errno`(_ number: Int32, _ kind: Failure.Kind) {
    #expect(Failure(Fault("it failed", cause: Errno(number))).kind == kind)
  }

  @Test func `is the entry's only if it was found to be`() {
    let fault = Fault("cannot open it", cause: .permissionDenied)
    #expect(Failure(EntryError(reading: FileName("net.txt"), fault)).kind == .entry)
    #expect(Failure(fault).kind == .box)
    #expect(Failure(Failure(.link, "eth0 is down")).kind == .link)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `Heartbeats` {
  @Test(arguments: [1, 77_777, -1] as [Int32]) func `need a pipe that this process was started with`(
    _ number: Int32
  ) {
    let fault = #expect(throws: Fault.self) { try Heartbeat(number) }
    #expect(fault?.description.contains("is not open: this process") == true)
  }
}
