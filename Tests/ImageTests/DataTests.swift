// `synimage put` and `synimage get` on a disk that is not in use.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `synimage put and get` {
  private let built: BuiltImage
  private let disk: URL
  private let directory: URL

  init() throws {
    built = try BuiltImage.shared.get()
    disk = try built.copy()
    directory = built.fixture.root.appending(path: "data-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
  }

  private func device() throws -> String { "\(disk.path)?offset=\(try built.start(of: "synbox-data"))" }

  private func list(_ directory: String) throws -> [String] {
    try run(["debugfs", "-R", "ls -p \(directory)", device()]).lines
      .compactMap { $0.split(separator: "/").count > 4 ? String($0.split(separator: "/")[4]) : nil }
      .filter { $0 != "." && $0 != ".." }
  }

  private func file(_ name: String, _ bytes: Data) throws -> String {
    let url = directory.appending(path: name)
    try bytes.write(to: url)
    return url.path
  }

  private func isSound() throws -> Bool { try run(["e2fsck", "-f", "-n", device()]).status == 0 }

  @Test func `put writes a complete file to the spool`() throws {
    let content = Data((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
    let path = try file("two words.bin", content)
    let outcome = try built.fixture.synimage(["put", disk.path, path])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try list("/spool") == ["two words.bin"])
    let back = directory.appending(path: "back").path
    try run(["debugfs", "-R", "dump \"/spool/two words.bin\" \(back)", device()])
    #expect(try Data(contentsOf: URL(filePath: back)) == content)
    let status = try run(["debugfs", "-R", "stat \"/spool/two words.bin\"", device()]).output
    #expect(status.contains("Links: 1"))
    #expect(status.contains(/Mode: +0644/))
    #expect(try isSound())
  }

  @Test func `put refuses a name that exists`() throws {
    let first = try file("targets", Data("198.18.0.1\n".utf8))
    #expect(try built.fixture.synimage(["put", disk.path, first]).status == 0)
    let second = try file("other", Data("198.18.0.2\n".utf8))
    let outcome = try built.fixture.synimage(["put", disk.path, second, "--name", "targets"])
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("/spool/targets exists in "))
    #expect(try list("/spool") == ["targets"])
  }

  @Test func `put of a file that does not fit leaves nothing behind`() throws {
    let outcome = try built.fixture.synimage([
      "put", disk.path, try file("large", Data(repeating: 1, count: 70 << 20)),
    ])
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("does not fit"), "\(outcome.errors)")
    #expect(try list("/spool") == [])
    #expect(try isSound())
  }

  @Test(arguments: [".hidden", "x.part", "a/b", ""])
  func `put refuses a name that the spool ignores`(name: String) throws {
    let path = try file("targets", Data("198.18.0.1\n".utf8))
    let outcome = try built.fixture.synimage(["put", disk.path, path, "--name", name])
    #expect(outcome.status == 2)
    #expect(outcome.errors.contains("a file name that the spool accepts"))
  }

  @Test func `put refuses a name that would end the debugfs request`() throws {
    let path = try file("targets", Data("198.18.0.1\n".utf8))
    for name in ["a\" \"b", "a\nrmdir spool"] {
      let outcome = try built.fixture.synimage(["put", disk.path, path, "--name", name])
      #expect(outcome.status == 1)
      #expect(outcome.errors.contains("debugfs does not accept the name"))
    }
    #expect(try list("/spool") == [])
  }

  @Test func `get copies results and does not change the disk`() throws {
    let results = try file("results.csv", Data("saddr,sport\n198.18.0.1,80\n".utf8))
    for request in [
      "mkdir /results", "mkdir /results/job", "write \(results) /results/job/results.csv",
      "write \(results) /status.json",
    ] {
      try run(["debugfs", "-w", "-R", request, device()])
    }
    let before = try run(["sha256sum", disk.path]).output
    let out = directory.appending(path: "out")
    let outcome = try built.fixture.synimage(["get", disk.path, out.path])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let names = try FileManager.default.subpathsOfDirectory(atPath: out.path).sorted()
    #expect(names == ["results", "results/job", "results/job/results.csv", "status.json"])
    #expect(
      try Data(contentsOf: out.appending(path: "results/job/results.csv"))
        == Data(contentsOf: URL(filePath: results)))
    #expect(try run(["sha256sum", disk.path]).output == before)
    let again = try built.fixture.synimage(["get", disk.path, out.path])
    #expect(again.status == 2, "the directory has files")
  }

  @Test func `a file that is not a disk is refused`() throws {
    let path = try file("targets", Data("198.18.0.1\n".utf8))
    for bytes in [Data(), Data(count: 4096), Data("not a disk".utf8)] {
      let other = try file("other.img", bytes)
      for arguments in [["put", other, path], ["get", other, directory.appending(path: "out").path]] {
        let outcome = try built.fixture.synimage(arguments)
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("is not a GPT disk"), "\(outcome.errors)")
      }
      #expect(try Data(contentsOf: URL(filePath: other)) == bytes)
    }
  }

  @Test func `a truncated or damaged disk is refused`() throws {
    let path = try file("targets", Data("198.18.0.1\n".utf8))
    let handle = try FileHandle(forWritingTo: disk)
    // The superblock and group descriptors of the data partition.
    try handle.seek(toOffset: UInt64(try built.start(of: "synbox-data")))
    try handle.write(contentsOf: Data(repeating: 0xa5, count: 1 << 20))
    try handle.close()
    let damaged = try built.fixture.synimage(["put", disk.path, path])
    #expect(damaged.status == 1)
    #expect(damaged.errors.contains("is damaged"), "\(damaged.errors)")
    try run(["truncate", "--size=70M", disk.path])
    let cut = try built.fixture.synimage(["put", disk.path, path])
    #expect(cut.status == 1, "\(cut.errors)")
  }
}
