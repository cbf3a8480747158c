// Compressed target files: expanded exactly, or rejected with the reason.
import Foundation
import LabSupport
import Plan
import Spool
import Testing

@Suite(.timeLimit(.minutes(5))) struct `The content of a target file` {
  static let text = (0..<5000).map { "198.18.\($0 / 256).\($0 % 256):80\n" }.joined()

  /// Compresses bytes with gzip(1) or zstd(1).
  private func compressed(_ bytes: Data, by tool: String, _ options: [String] = []) throws -> [UInt8] {
    let directory = FileManager.default.temporaryDirectory.appending(
      path: "content-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: directory) }
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    let file = directory.appending(path: "file")
    try bytes.write(to: file)
    let outcome = try run([tool, "-q"] + options + [file.path])
    try #require(outcome.status == 0, "\(outcome.errors)")
    return Array(try Data(contentsOf: file.appendingPathExtension(tool == "gzip" ? "gz" : "zst")))
  }

  private func rejection(_ bytes: [UInt8], _ name: String, limit: Int = TargetContent.limit) -> String {
    let error = #expect(throws: InputError.self) {
      try TargetContent(bytes, name: name, limit: limit)
    }
    return error?.description ?? ""
  }

  @Test(arguments: ["gzip", "zstd"], ["nets.txt", "nets.txt.gz", "nets.txt.zst"])
  func `is expanded according to its content, whatever its name`(_ tool: String, _ name: String) throws
  {
    let bytes = try compressed(Data(Self.text.utf8), by: tool)
    guard !name.hasSuffix(tool == "gzip" ? ".zst" : ".gz") else {
      #expect(rejection(bytes, name).contains("expected \(tool == "gzip" ? "zstd" : "gzip") data"))
      return
    }
    let content = try TargetContent(bytes, name: name)
    #expect(content.bytes == Array(Self.text.utf8))
    #expect(content.format == .auto)
  }

  @Test(arguments: ["gzip", "zstd"])
  func `is that of all members, one after another`(_ tool: String) throws {
    let one = try compressed(Data("198.18.0.1:80\n".utf8), by: tool)
    let two = try compressed(Data("198.18.0.2:80\n".utf8), by: tool)
    let content = try TargetContent(one + two, name: "x")
    #expect(content.bytes == Array("198.18.0.1:80\n198.18.0.2:80\n".utf8))
  }

  @Test(arguments: ["gzip", "zstd"])
  func `is rejected if it is truncated anywhere`(_ tool: String) throws {
    let whole = try compressed(Data(Self.text.utf8), by: tool)
    for length in stride(from: 4, to: whole.count, by: 97) {
      let reason = rejection(Array(whole[..<length]), "nets")
      #expect(reason.contains("truncated \(tool) data"), "\(length): \(reason)")
      #expect(reason.contains("may be incomplete"))
    }
  }

  @Test(arguments: [("gzip", "-n", 10), ("zstd", "--check", 5)])
  func `is rejected if it is damaged anywhere`(_ tool: String, _ option: String, _ header: Int) throws {
    let whole = try compressed(Data(Self.text.utf8), by: tool, [option])
    var rejected = 0
    for at in stride(from: header, to: whole.count, by: 61) {
      var bytes = whole
      bytes[at] ^= 0x10
      do throws(InputError) {
        // Some bits have no meaning, but none may change the text.
        let isSame = try TargetContent(bytes, name: "nets").bytes == Array(Self.text.utf8)
        #expect(isSame, "byte \(at)")
      } catch {
        rejected += 1
        #expect(error.description.contains(tool))
      }
    }
    #expect(rejected > 20)
  }

  @Test func `is rejected if other data follows`() throws {
    let whole = try compressed(Data(Self.text.utf8), by: "gzip")
    #expect(rejection(whole + [0, 0, 0], "nets").contains("found 3 bytes after the gzip data"))
    let zstd = try compressed(Data(Self.text.utf8), by: "zstd")
    #expect(rejection(zstd + [1, 2, 3, 4, 5], "nets").contains("zstd data"))
  }

  @Test(arguments: ["gzip", "zstd"])
  func `may have the maximum size, and no more`(_ tool: String) throws {
    let zeros = try compressed(Data(count: 1 << 24), by: tool)
    #expect(zeros.count < 1 << 16)
    #expect(try TargetContent(zeros, name: "x", limit: 1 << 24).bytes.count == 1 << 24)
    let reason = rejection(zeros, "x", limit: 1 << 24 - 1)
    #expect(reason.contains("expands to more than 16777215 bytes, expected at most 16777215"))
  }

  @Test func `is raw in a bin file, although it looks compressed`() throws {
    let bytes: [UInt8] = [0x1f, 0x8b, 8, 1, 0, 0, 0, 0]
    #expect(rejection(bytes, "raw").contains("name the file .bin"))
    #expect(try TargetContent(bytes, name: "raw.bin").bytes == bytes)
    let wrapped = try TargetContent(try compressed(Data(bytes), by: "gzip"), name: "raw.bin.gz")
    #expect(wrapped.bytes == bytes && wrapped.format == .binary)
  }

  @Test func `gives the priority of a compressed file`() throws {
    let box = try Box()
    let text = Data(("@priority 90\n" + Self.text).utf8)
    try box.drop("a.txt")
    try Data(compressed(text, by: "gzip")).write(to: box.url("spool/.b"))
    try FileManager.default.moveItem(at: box.url("spool/.b"), to: box.url("spool/b.txt.gz"))
    try Data(compressed(text, by: "zstd")).write(to: box.url("spool/.c"))
    try FileManager.default.moveItem(at: box.url("spool/.c"), to: box.url("spool/c.txt.zst"))
    #expect(try box.list().queue.map(\.priority.value) == [90, 90, 50])
  }
}
