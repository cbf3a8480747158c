// Files as they arrive in practice: written, renamed, linked, copied; empty, huge, compressed, twice.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `The spool` {
  static let configuration = "rate = \"50k\"\ntarget-ports = 80\ncooldown-time = 0.5\n"

  private func results(_ lab: ServeLab, _ job: String) throws -> Set<String> {
    let lines = try lab.text("data/results/\(job)/results.csv").split(separator: "\n").map(String.init)
    #expect(Set(lines).count == lines.count, "a result twice")
    return Set(lines.dropFirst())
  }

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
      #expect(try results(lab, job) == evenAddresses(from: third, blocks: 1, ports: [80]), "\(job)")
    }
    let remaining = try FileManager.default.contentsOfDirectory(atPath: lab.url("data/spool").path)
    #expect(remaining.sorted() == [".hidden", "upload.txt.part"])
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `rejects an empty file`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(Self.configuration))
    try lab.drop("renamed.txt", "")
    try Data().write(to: lab.url("data/spool/written.txt"), options: [])
    try waitForEnd(lab, ["renamed.txt", "written.txt"])
    for job in ["renamed.txt", "written.txt"] {
      #expect(
        try lab.text("data/rejected/\(job)/reason.txt").hasPrefix(
          "\(job):1:1: found no entry, expected "))
    }
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `scans a file of a million lines exactly`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(Self.configuration))
    var text = ""
    for line in 0..<1_000_000 { text += "198.18.\(16 + line >> 8 & 31).\(line & 255)\n" }
    try lab.drop("million.txt", text)
    try waitForEnd(lab, ["million.txt"], seconds: 60)
    #expect(try results(lab, "million.txt") == evenAddresses(from: 16, blocks: 32, ports: [80]))
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `scans a file of 1 GiB exactly and keeps the status fresh`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(Self.configuration))
    let upload = lab.url("data/spool/.upload")
    try #require(FileManager.default.createFile(atPath: upload.path, contents: nil))
    let handle = try #require(FileHandle(forWritingAtPath: upload.path))
    let block = Data((String(repeating: "# an inventory with its remarks\n", count: 1 << 15)).utf8)
    for _ in 0..<1024 { try handle.write(contentsOf: block) }
    try handle.write(contentsOf: Data("198.18.4.0/24\n".utf8))
    try handle.close()
    let size = try #require(
      try FileManager.default.attributesOfItem(atPath: upload.path)[.size] as? Int)
    #expect(size > 1_000_000_000)
    try FileManager.default.moveItem(at: upload, to: lab.url("data/spool/giga.txt"))
    try lab.wait("the end", seconds: 120) {
      // The status must be fresh even while the file is parsed, which takes longer than a second.
      let status = try run([Lab.synbox, "status", "--config", lab.url("synbox.toml").path])
      #expect(status.status == 0, "\(status.errors)")
      return lab.exists("data/results/giga.txt")
    }
    #expect(try results(lab, "giga.txt") == evenAddresses(from: 4, blocks: 1, ports: [80]))
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `expands gzip and zstd files, and keeps the originals`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(Self.configuration))
    try Data("198.18.4.0/24\n".utf8).write(to: lab.url("a.txt"))
    try Data([198, 18, 5, 2, 198, 18, 5, 3, 0, 0, 0, 0]).write(to: lab.url("b.bin"))
    #expect(try run(["gzip", lab.url("a.txt").path]).status == 0)
    #expect(try run(["zstd", "-q", lab.url("b.bin").path]).status == 0)
    let original = try Data(contentsOf: lab.url("a.txt.gz"))
    for name in ["a.txt.gz", "b.bin.zst"] {
      try FileManager.default.moveItem(at: lab.url(name), to: lab.url("data/spool/\(name)"))
    }
    try waitForEnd(lab, ["a.txt.gz", "b.bin.zst"])
    #expect(try results(lab, "a.txt.gz") == evenAddresses(from: 4, blocks: 1, ports: [80]))
    #expect(try results(lab, "b.bin.zst") == ["198.18.5.2,80"])
    #expect(try Data(contentsOf: lab.url("data/results/a.txt.gz/a.txt.gz")) == original)
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `rejects a decompression bomb without using much memory`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(Self.configuration))
    // Comments are read to their end; zeros are no target file from the first piece on.
    let make =
      "{ head -c 600 /dev/zero | tr '\\0' '#'; echo; } > \(lab.url("line").path); "
      + "for i in $(seq 12); do cat \(lab.url("line").path) \(lab.url("line").path) > \(lab.url("two").path); "
      + "mv \(lab.url("two").path) \(lab.url("line").path); done; "
      + "for i in $(seq 900); do cat \(lab.url("line").path); done | zstd -q -1 -o \(lab.url("data/spool/.bomb").path)"
    #expect(try run(["sh", "-c", make], seconds: 60).status == 0)
    let zeros = lab.url("zeros")
    try #require(FileManager.default.createFile(atPath: zeros.path, contents: nil))
    try mustTruncate(zeros, to: 1 << 30)
    try FileManager.default.moveItem(at: zeros, to: lab.url("data/spool/zeros.bin"))
    try FileManager.default.moveItem(
      at: lab.url("data/spool/.bomb"), to: lab.url("data/spool/bomb.zst"))
    try Data([0x1f, 0x8b, 8, 0, 1, 2, 3]).write(to: lab.url("data/spool/cut.gz"), options: [])
    try Data("198.18.4.1\n".utf8).write(to: lab.url("data/spool/plain.gz"), options: [])
    try lab.drop("good.txt", "198.18.4.0/24\n")
    try waitForEnd(lab, ["bomb.zst", "zeros.bin", "cut.gz", "plain.gz", "good.txt"], seconds: 60)

    let reason = try lab.text("data/rejected/bomb.zst/reason.txt")
    #expect(reason.contains("bomb.zst: found zstd data that expands to more than 2147483648 bytes"))
    #expect(
      try lab.text("data/rejected/cut.gz/reason.txt").contains("truncated gzip data"))
    #expect(try lab.text("data/rejected/plain.gz/reason.txt").contains("does not start like gzip"))
    #expect(try results(lab, "good.txt") == evenAddresses(from: 4, blocks: 1, ports: [80]))
    let process = try String(contentsOfFile: "/proc/\(box.pid)/status", encoding: .utf8)
    let peak = try #require(process.firstMatch(of: /VmHWM:\s+(\d+) kB/)?.1)
    #expect(try #require(Int(peak)) < 100_000, "kB")
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `makes a second job with its own name of a file that arrives twice`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(Self.configuration))
    try lab.drop("net.txt", "198.18.4.0/24\n")
    try waitForEnd(lab, ["net.txt"])
    try lab.drop("net.txt", "198.18.4.0/24\n")
    try waitForEnd(lab, ["net.txt.2"])
    for job in ["net.txt", "net.txt.2"] {
      #expect(try results(lab, job) == evenAddresses(from: 4, blocks: 1, ports: [80]))
    }
    let seeds = try ["net.txt", "net.txt.2"].map {
      try lab.json("data/results/\($0)/summary.json")["seed"] as? UInt64
    }
    #expect(seeds[0] != seeds[1])
    #expect(try box.end(SIGTERM).status == 143)
  }
}

private func mustTruncate(_ file: URL, to length: UInt64) throws {
  let handle = try #require(FileHandle(forWritingAtPath: file.path))
  try handle.truncate(atOffset: length)
  try handle.close()
}
