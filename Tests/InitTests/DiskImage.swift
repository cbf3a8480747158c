// Disk images, made and checked by sfdisk and mkfs.ext4 rather than by the code under test.
import Foundation
import Init
import Kernel
import LabSupport

/// A disk image with the partitions of a synbox image, but smaller: an ESP of 1 MiB, then a data partition of 32 MiB, or
/// of 1 MiB if `small`. The file is removed with the object.
final class DiskImage {
  let path: String
  let dataSectors: UInt64
  static let dataStart: UInt64 = 4096
  /// MiB of the image, before it is written to a larger disk.
  var imageSize: Int { Int(dataSectors / 2048) + 3 }

  /// - Parameter megabytes: The size of the disk that the image is written to, in MiB; nil for the image's own.
  init(small: Bool = false, megabytes: Int? = nil) throws {
    path = "\(try Lab.temporaryDirectory())/disk.img"
    dataSectors = small ? 2048 : 65_536
    try Files.write(path, [], durable: false)
    try resize(to: imageSize)
    let script = """
      label: gpt
      start=2048, size=2048, type=U, name=synbox-esp
      start=\(Self.dataStart), size=\(dataSectors), type=L, name=synbox-data

      """
    try mustRun(["sfdisk", "-q", path], input: Data(script.utf8))
    try resize(to: megabytes ?? imageSize)
  }

  deinit { try? FileManager.default.removeItem(atPath: Files.parent(of: path)) }

  func resize(to megabytes: Int) throws {
    guard unsafe truncate(path, megabytes << 20) == 0 else { throw LabError("cannot resize \(path)") }
  }

  /// Makes the ext4 file system of the data partition.
  func makeFileSystem(options: [String] = []) throws {
    try mustRun(
      ["mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "offset=\(Self.dataStart * 512)"] + options
        + [path, "\(dataSectors / 2)k"])
  }

  var bytes: [UInt8] {
    get throws { try Files.read(path) }
  }

  /// Returns the errors that `sfdisk --verify` finds; empty if there are none.
  func verificationErrors() throws -> String {
    let verified = try run(["sfdisk", "--verify", path])
    let text = verified.output + verified.errors
    return verified.status == 0 && text.contains("No errors detected") && !text.contains("GPT")
      ? "" : text
  }

  /// Returns the partitions that sfdisk finds; start and size in sectors.
  func partitions() throws -> [(start: UInt64, size: UInt64, name: String)] {
    let dump = try run(["sfdisk", "--json", path])
    let object = try JSON.object(dump.output)["partitiontable"] as? [String: Any]
    return (object?["partitions"] as? [[String: Any]] ?? []).map {
      (
        UInt64($0["start"] as? Int ?? 0), UInt64($0["size"] as? Int ?? 0), $0["name"] as? String ?? ""
      )
    }
  }
}

/// A disk in memory with sectors of 512 bytes, for simulating power cuts.
struct MemoryDisk {
  var bytes: [UInt8]
  var sectors: UInt64 { UInt64(bytes.count / 512) }

  func read(_ lba: UInt64, _ count: Int) throws(Fault) -> [UInt8] {
    guard lba <= sectors, UInt64(count) <= sectors - lba else { throw Fault("beyond the end") }
    return Array(bytes[Int(lba) * 512..<(Int(lba) + count) * 512])
  }

  mutating func write(_ write: GPTGrowth.Write, sectors chosen: (Int) -> Bool = { _ in true }) {
    for sector in 0..<write.bytes.count / 512 where chosen(sector) {
      let start = (Int(write.lba) + sector) * 512
      bytes.replaceSubrange(start..<start + 512, with: write.bytes[sector * 512..<(sector + 1) * 512])
    }
  }

  func growth(_ number: Int = 2) throws(Fault) -> GPTGrowth {
    try GPTGrowth(partition: number, sectors: sectors, sectorSize: 512, read: read)
  }

  func table(at lba: UInt64) throws(Fault) -> GPT {
    try GPT(at: lba, sectors: sectors, sectorSize: 512, read: read)
  }
}
