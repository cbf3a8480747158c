// Compressed target files: expanded exactly, or refused with a named reason.
import Foundation
import LabSupport
import Plan
import Spool
import Testing

@Suite struct `The content of a target file` {
  static let text = (0..<5000).map { "198.18.\($0 / 256).\($0 % 256):80\n" }.joined()

  /// What gzip(1) or zstd(1) makes of some bytes.
  private func compressed(_ bytes: Data, by tool: String, _ options: [String] = []) throws -> [UInt8] {
    let directory = FileManager.default.temporaryDirectory.appending(
      path: "content-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: directory) }
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    let file = directory.appending(path: "file")
    try bytes.write(to: file)
    let outcome = try LabSupport.run([tool, "-q"] + options + [file.path])
    try #require(outcome.status == 0, "\(outcome.errors)")
    return Array(try Data(contentsOf: file.appendingPathExtension(tool == "gzip" ? "gz" : "zst")))
  }

  private func refusal(_ bytes: [UInt8], _ name: String, limit: Int = TargetContent.limit) -> String {
    let error = #expect(throws: InputError.self) {
      try TargetContent(bytes, name: name, limit: limit)
    }
    return error?.description ?? ""
  }

  @Test(arguments: ["gzip", "zstd"], ["nets.txt", "nets.txt.gz", "nets.txt.zst"])
  func `is expanded by its content whatever its name`(_ tool: String, _ name: String) throws {
    let bytes = try compressed(Data(Self.text.utf8), by: tool)
    guard !name.hasSuffix(tool == "gzip" ? ".zst" : ".gz") else {
      #expect(refusal(bytes, name).contains("expected \(tool == "gzip" ? "zstd" : "gzip") data"))
      return
    }
    let content = try TargetContent(bytes, name: name)
    #expect(content.bytes == Array(Self.text.utf8))
    #expect(content.format == .auto)
  }

  @Test(arguments: ["gzip", "zstd"])
  func `several members one after another are one file`(_ tool: String) throws {
    let one = try compressed(Data("198.18.0.1:80\n".utf8), by: tool)
    let two = try compressed(Data("198.18.0.2:80\n".utf8), by: tool)
    let content = try TargetContent(one + two, name: "x")
    #expect(content.bytes == Array("198.18.0.1:80\n198.18.0.2:80\n".utf8))
  }

  @Test(arguments: ["gzip", "zstd"])
  func `is refused wherever it is cut off`(_ tool: String) throws {
    let whole = try compressed(Data(Self.text.utf8), by: tool)
    for length in stride(from: 4, to: whole.count, by: 97) {
      let reason = refusal(Array(whole[..<length]), "nets")
      #expect(reason.contains("\(tool) data that ends in the middle"), "\(length): \(reason)")
      #expect(reason.contains("may have been cut off"))
    }
  }

  @Test(arguments: [("gzip", "-n", 10), ("zstd", "--check", 5)])
  func `is refused wherever it is damaged`(_ tool: String, _ option: String, _ header: Int) throws {
    let whole = try compressed(Data(Self.text.utf8), by: tool, [option])
    var refused = 0
    for at in stride(from: header, to: whole.count, by: 61) {
      var bytes = whole
      bytes[at] ^= 0x10
      do throws(InputError) {
        // A few bits mean nothing. But never does it become another text.
        let isSame = try TargetContent(bytes, name: "nets").bytes == Array(Self.text.utf8)
        #expect(isSame, "byte \(at)")
      } catch {
        refused += 1
        #expect(error.description.contains(tool))
      }
    }
    #expect(refused > 20)
  }

  @Test func `what follows is not passed over`() throws {
    let whole = try compressed(Data(Self.text.utf8), by: "gzip")
    #expect(refusal(whole + [0, 0, 0], "nets").contains("found 3 bytes after the gzip data"))
    let zstd = try compressed(Data(Self.text.utf8), by: "zstd")
    #expect(refusal(zstd + [1, 2, 3, 4, 5], "nets").contains("zstd data"))
  }

  @Test(arguments: ["gzip", "zstd"])
  func `more than the limit is refused and the limit is not`(_ tool: String) throws {
    let zeros = try compressed(Data(count: 1 << 24), by: tool)
    #expect(zeros.count < 1 << 16)
    #expect(try TargetContent(zeros, name: "x", limit: 1 << 24).bytes.count == 1 << 24)
    let reason = refusal(zeros, "x", limit: 1 << 24 - 1)
    #expect(reason.contains("expands to more than 16777215 bytes, expected 16777215 at most"))
  }

  @Test func `raw addresses that look compressed are read in a file named bin`() throws {
    let bytes: [UInt8] = [0x1f, 0x8b, 8, 1, 0, 0, 0, 0]
    #expect(refusal(bytes, "raw").contains("in a file named .bin"))
    #expect(try TargetContent(bytes, name: "raw.bin").bytes == bytes)
    let wrapped = try TargetContent(try compressed(Data(bytes), by: "gzip"), name: "raw.bin.gz")
    #expect(wrapped.bytes == bytes && wrapped.format == .binary)
  }

  @Test func `the priority of a compressed file is seen`() throws {
    let box = try Box()
    let text = Data(("@priority 90\n" + Self.text).utf8)
    try box.drop("a.txt")
    try Data(compressed(text, by: "gzip")).write(to: box.url("spool/.b"))
    try FileManager.default.moveItem(at: box.url("spool/.b"), to: box.url("spool/b.txt.gz"))
    try Data(compressed(text, by: "zstd")).write(to: box.url("spool/.c"))
    try FileManager.default.moveItem(at: box.url("spool/.c"), to: box.url("spool/c.txt.zst"))
    #expect(try box.list().waiting.map(\.priority.value) == [90, 90, 50])
  }
}
