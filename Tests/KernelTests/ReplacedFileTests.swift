// Files.exchange, with something else in the place of the file that it writes.
import Foundation
import Kernel
import LabSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A file that is often replaced` {
  private func directory() throws -> String { try Lab.temporaryDirectory() }

  private func replace(_ path: String, with text: String) throws {
    try Files.exchange(path, with: Array(text.utf8))
  }

  @Test func `replaces a FIFO under the other name instead of waiting for a reader`() throws {
    let path = "\(try directory())/status.json"
    try mustRun(["mkfifo", path + ".new"])
    // Whoever opens the FIFO for writing waits for this reader, which comes too late.
    let late = try Running(["sh", "-c", "sleep \(5 * patience); exec cat '\(path).new'"])
    defer { late.signal(SIGKILL) }
    let began = Date()
    try replace(path, with: "one")
    #expect(Date().timeIntervalSince(began) < 4 * patience)
    #expect(Files.kind(of: path) == .file)
    for text in ["two", "three"] { try replace(path, with: text) }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "three")
  }

  @Test func `replaces a FIFO under its own name`() throws {
    let path = "\(try directory())/status.json"
    try mustRun(["mkfifo", path])
    for text in ["one", "two", "three"] {
      try replace(path, with: text)
      try Files.sync(path)
      #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
    }
  }

  @Test func `leaves alone what a link under the other name means`() throws {
    let path = "\(try directory())/status.json"
    let other = "\(try directory())/other"
    for kind in [["-s"], []] {
      try Data("keep".utf8).write(to: URL(fileURLWithPath: other))
      try mustRun(["ln"] + kind + [other, path + ".new"])
      try replace(path, with: "new")
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "new")
      #expect(try String(contentsOfFile: other, encoding: .utf8) == "keep")
      try? FileManager.default.removeItem(atPath: path + ".new")
    }
  }

  @Test func `is not written while another process has a lease on it`() throws {
    let path = "\(try directory())/status.json"
    try replace(path, with: "one")
    try replace(path, with: "two")
    let holder = try Running(["python3", "-c", Self.leaseHolder, path + ".new"], keepsInputOpen: true)
    try holder.wait(for: "the lease") { $0.text.contains("held") }
    let began = Date()
    try replace(path, with: "three")
    // The holder would have /proc/sys/fs/lease-break-time, 45 s, to give up its lease.
    #expect(Date().timeIntervalSince(began) < 5 * patience)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "three")
    holder.closeInput()
    _ = try holder.wait()
  }

  /// Holds a write lease on a file until its standard input is closed, whoever asks for it.
  private static let leaseHolder = """
    import fcntl, os, signal, sys
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    file = os.open(sys.argv[1], os.O_RDWR)
    fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    print("held", flush=True)
    sys.stdin.read()
    """

  @Test func `is a fault if a directory has the other name`() throws {
    let path = "\(try directory())/status.json"
    try FileManager.default.createDirectory(atPath: path + ".new", withIntermediateDirectories: false)
    #expect(throws: Fault.self) { try replace(path, with: "one") }
  }
}
