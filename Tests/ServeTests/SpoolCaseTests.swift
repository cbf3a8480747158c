// Files as they arrive in practice: written, renamed, linked, copied; and such as expand to gigabytes.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `The spool` {
  static let configuration = "rate = \"50k\"\ntarget-ports = 80\ncooldown-time = 0.5\n"

  private func waitForEnd(_ lab: ServeLab, _ jobs: [String], seconds: Double = 30) throws {
    try lab.wait("the end of \(jobs)", seconds: seconds) {
      jobs.allSatisfy { lab.exists("data/results/\($0)") || lab.exists("data/rejected/\($0)") }
    }
  }

  @Test func `accepts files that are written, renamed, linked, copied or left from another box`() throws
  {
    let lab = try ServeLab()
    let configuration = try lab.configure(Self.configuration)
    // Copied from another box together with its spool.
    try FileManager.default.createDirectory(
      at: lab.url("data/spool"), withIntermediateDirectories: true)
    let text = { (third: Int) in Data("198.18.\(third).0/24\n".utf8) }
    try text(4).write(to: lab.url("data/spool/old.txt"))
    let box = try lab.serve(configuration)

    try text(5).write(to: lab.url("data/spool/write.txt"), options: [])
    try lab.drop("rename.txt", "198.18.6.0/24\n")
    try text(7).write(to: lab.url("outside.txt"))
    try FileManager.default.linkItem(at: lab.url("outside.txt"), to: lab.url("data/spool/link.txt"))
    #expect(
      try run(["cp", "-a", lab.url("outside.txt").path, lab.url("data/spool/copy.txt").path]).status
        == 0)
    try text(8).write(to: lab.url("data/spool/.hidden"))
    try text(8).write(to: lab.url("data/spool/upload.txt.part"))
    // An upload that stalls for longer than a file must be unchanged to count as complete.
    let slow = lab.url("data/spool/slow.txt")
    try #require(FileManager.default.createFile(atPath: slow.path, contents: nil))
    let handle = try #require(FileHandle(forWritingAtPath: slow.path))
    try handle.write(contentsOf: Data("198.18.9.0/2".utf8))

    try waitForEnd(lab, ["old.txt", "write.txt", "rename.txt", "link.txt", "copy.txt"])
    try lab.waitForStatuses(3)
    #expect(lab.exists("data/spool/slow.txt"))
    #expect(try lab.json("data/status.json")["files_arriving"] as? Int == 1)
    try handle.write(contentsOf: Data("4\n".utf8))
    try handle.close()
    try waitForEnd(lab, ["slow.txt"])

    let expected = [
      "old.txt": 4, "write.txt": 5, "rename.txt": 6, "link.txt": 7, "copy.txt": 7, "slow.txt": 9,
    ]
    for (job, third) in expected {
      #expect(try lab.results(job) == evenAddresses(from: third, blocks: 1, ports: [80]), "\(job)")
    }
    let remaining = try FileManager.default.contentsOfDirectory(atPath: lab.url("data/spool").path)
    #expect(remaining.sorted() == [".hidden", "upload.txt.part"])
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `expands over a gigabyte exactly, and rejects a bomb, in little memory`()
    throws
  {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(Self.configuration))
    // Comments are read to their end; zeros are no target file from the first piece on.
    let make = """
      cd \(lab.root.path)
      { head -c 600 /dev/zero | tr '\\0' '#'; echo; } > line
      for i in $(seq 12); do cat line line > two; mv two line; done
      for i in $(seq 900); do cat line; done | zstd -q -1 -o data/spool/.bomb
      { for i in $(seq 480); do cat line; done; echo 198.18.5.0/24; } | zstd -q -1 -o data/spool/.large
      """
    #expect(try run(["sh", "-c", make], seconds: 60).status == 0)
    try FileManager.default.moveItem(
      at: lab.url("data/spool/.large"), to: lab.url("data/spool/large.zst"))
    let zeros = lab.url("zeros")
    try #require(FileManager.default.createFile(atPath: zeros.path, contents: nil))
    try mustTruncate(zeros, to: 1 << 30)
    try FileManager.default.moveItem(at: zeros, to: lab.url("data/spool/zeros.bin"))
    try FileManager.default.moveItem(
      at: lab.url("data/spool/.bomb"), to: lab.url("data/spool/bomb.zst"))
    try Data([0x1f, 0x8b, 8, 0, 1, 2, 3]).write(to: lab.url("data/spool/cut.gz"), options: [])
    try Data("198.18.4.1\n".utf8).write(to: lab.url("data/spool/plain.gz"), options: [])
    try lab.drop("good.txt", "198.18.4.0/24\n")
    try waitForEnd(
      lab, ["bomb.zst", "large.zst", "zeros.bin", "cut.gz", "plain.gz", "good.txt"], seconds: 60)
    // 1.2 GB of comments and one line.
    #expect(try lab.results("large.zst") == evenAddresses(from: 5, blocks: 1, ports: [80]))

    let reason = try lab.text("data/rejected/bomb.zst/reason.txt")
    #expect(reason.contains("bomb.zst: found zstd data that expands to more than 2147483648 bytes"))
    #expect(
      try lab.text("data/rejected/cut.gz/reason.txt").contains("truncated gzip data"))
    #expect(try lab.text("data/rejected/plain.gz/reason.txt").contains("does not start like gzip"))
    #expect(try lab.results("good.txt") == evenAddresses(from: 4, blocks: 1, ports: [80]))
    let process = try String(contentsOfFile: "/proc/\(box.pid)/status", encoding: .utf8)
    let peak = try #require(process.firstMatch(of: /VmHWM:\s+(\d+) kB/)?.1)
    #expect(try #require(Int(peak)) < 100_000, "kB")
    #expect(try box.end(SIGTERM).status == 143)
  }
}

private func mustTruncate(_ file: URL, to length: UInt64) throws {
  let handle = try #require(FileHandle(forWritingAtPath: file.path))
  try handle.truncate(atOffset: length)
  try handle.close()
}
