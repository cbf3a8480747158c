// The partition table grown to the end of the disk, and what a power cut in between leaves.
import Foundation
import Init
import Kernel
import LabSupport
import TestSupport
import Testing

@Suite struct `A partition table` {
  @Test func `grows to the end of its disk, and sfdisk finds it right`() throws {
    let disk = try DiskImage(small: true, megabytes: 12)
    let before = try disk.partitions()
    let device = try BlockDevice(disk.path, writable: true)
    let sectors = try DataPartition.growTable(device, 2)
    #expect(sectors.lowerBound == DiskImage.dataStart)
    // The last whole MiB before the table at the end.
    #expect(sectors.upperBound == 11 * 2048 - 1)
    #expect(try disk.complaints() == "")
    let after = try disk.partitions()
    #expect(after[0] == before[0])
    #expect(after[1].start == DiskImage.dataStart)
    #expect(after[1].size == UInt64(sectors.count))
    #expect(after[1].name == "synbox-data")
    // Nothing was touched between the tables but what they leave behind: the old copy.
    let between = try disk.bytes[2048 * 512..<disk.imageSize << 20].dropLast(33 * 512)
    let isUntouched = between.allSatisfy { $0 == 0 }
    #expect(isUntouched)
  }

  @Test func `that fills its disk is left alone`() throws {
    let disk = try DiskImage(small: true, megabytes: 12)
    let device = try BlockDevice(disk.path, writable: true)
    _ = try DataPartition.growTable(device, 2)
    let bytes = try disk.bytes
    let again = try MemoryDisk(bytes: bytes).growth()
    #expect(again.writes.isEmpty)
    _ = try DataPartition.growTable(device, 2)
    let isSame = Data(try disk.bytes) == Data(bytes)
    #expect(isSame)
  }

  /// Each sector of a write by itself reaches the disk or does not.
  @Test func `is readable after a power cut at any moment, and grows all the same`() throws {
    let image = try DiskImage(small: true, megabytes: 8)
    let old = MemoryDisk(bytes: try image.bytes)
    let growth = try old.growth()
    #expect(growth.writes.count == 2)
    var complete = old
    for write in growth.writes { complete.write(write) }
    var random = SeededGenerator(2_026)
    for round in 0..<200 {
      var disk = old
      let whole = Int.random(in: 0..<growth.writes.count, using: &random)
      for write in growth.writes[..<whole] { disk.write(write) }
      // Prefixes, suffixes, and any sectors at all.
      let cut = Int.random(in: 0...growth.writes[whole].bytes.count / 512, using: &random)
      let kind = Int.random(in: 0..<3, using: &random)
      disk.write(growth.writes[whole]) { sector in
        switch kind {
        case 0: sector < cut
        case 1: sector >= cut
        default: Bool.random(using: &random)
        }
      }
      let first = try? disk.table(at: 1)
      let last = try? disk.table(at: disk.sectors - 1)
      try #require(first != nil || last != nil, "round \(round): no table is left")
      if first == nil {
        let number = GPTGrowth.brokenTable(
          naming: "synbox-data", sectors: disk.sectors, sectorSize: 512, read: disk.read)
        #expect(number == 2, "round \(round)")
      }
      for write in try disk.growth().writes { disk.write(write) }
      // Sector 0, which is for programs that know no GPT, may still say how large the disk was.
      let isComplete = Data(disk.bytes.dropFirst(512)) == Data(complete.bytes.dropFirst(512))
      #expect(isComplete, "round \(round), kind \(kind), cut \(cut)")
    }
  }

  @Test func `with a byte of it changed is refused, or grows as it would have`() throws {
    let image = try DiskImage(small: true, megabytes: 8)
    let good = MemoryDisk(bytes: try image.bytes)
    let growth = try good.growth()
    // The header and the first two entries at the start, the entries and the header of the copy.
    let end = image.imageSize << 20
    let places =
      Array(512..<512 + 92) + Array(1024..<1280) + Array(end - 33 * 512..<end - 33 * 512 + 256)
      + Array(end - 512..<end - 512 + 92)
    for place in places {
      var disk = good
      disk.bytes[place] ^= 0x40
      #expect(throws: Fault.self, "byte \(place)") { try disk.growth() }
    }
    var elsewhere = good
    elsewhere.bytes[7 << 20] ^= 1
    #expect(try elsewhere.growth().partition == growth.partition)
  }

  @Test func `of which the partition is not the last, or is missing, is refused`() throws {
    let disk = MemoryDisk(bytes: try DiskImage(small: true, megabytes: 8).bytes)
    for number in [0, 1, 3, 128, 129, -1, .max] {
      #expect(throws: Fault.self, "partition \(number)") { try disk.growth(number) }
    }
  }

  @Test func `that is cut off, or none, is refused`() throws {
    let bytes = try DiskImage(small: true).bytes
    for sectors in [0, 1, 2, 3, 33, 34, 100, bytes.count / 512 - 1] {
      let disk = MemoryDisk(bytes: Array(bytes.prefix(sectors * 512)))
      #expect(throws: Fault.self, "\(sectors) sectors") { try disk.growth() }
    }
    let empty = MemoryDisk(bytes: [UInt8](repeating: 0, count: 1 << 20))
    #expect(throws: Fault.self) { try empty.growth() }
  }

  @Test func `names its partitions`() throws {
    let table = try MemoryDisk(bytes: try DiskImage(small: true).bytes).table(at: 1)
    #expect(table.name(1) == "synbox-esp")
    #expect(table.name(2) == "synbox-data")
    #expect(table.name(3) == nil)
    #expect(table.partitions.map(\.number) == [1, 2])
  }
}
