// Growing a partition to the end of its disk, with power cuts in between.
import Foundation
import Init
import Kernel
import LabSupport
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A partition table` {
  @Test func `grows to the end of its disk and is valid for sfdisk`() throws {
    let disk = try DiskImage(small: true, megabytes: 12)
    let before = try disk.partitions()
    let device = try BlockDevice(disk.path, writable: true)
    let sectors = try DataPartition.growTable(device, 2)
    #expect(sectors.lowerBound == DiskImage.dataStart)
    // The end of the last whole MiB before the backup table.
    #expect(sectors.upperBound == 11 * 2048 - 1)
    #expect(try disk.verificationErrors() == "")
    let after = try disk.partitions()
    #expect(after[0] == before[0])
    #expect(after[1].start == DiskImage.dataStart)
    #expect(after[1].size == UInt64(sectors.count))
    #expect(after[1].name == "synbox-data")
    // Between the tables nothing has changed; the old backup is still there.
    let between = try disk.bytes[2048 * 512..<disk.imageSize << 20].dropLast(33 * 512)
    let isUnchanged = between.allSatisfy { $0 == 0 }
    #expect(isUnchanged)
  }

  @Test func `that fills its disk does not change`() throws {
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

  /// A power cut leaves each sector of a write either written or not.
  @Test func `is readable after a power cut at any moment and can then grow`() throws {
    let image = try DiskImage(small: true, megabytes: 8)
    let old = MemoryDisk(bytes: try image.bytes)
    let growth = try old.growth()
    #expect(growth.writes.count == 2)
    var complete = old
    for write in growth.writes { complete.write(write) }
    var random = SeededGenerator(Seed.next())
    for round in 0..<200 {
      var disk = old
      let completed = Int.random(in: 0..<growth.writes.count, using: &random)
      for write in growth.writes[..<completed] { disk.write(write) }
      // A prefix, a suffix, or a random subset of the sectors.
      let cut = Int.random(in: 0...growth.writes[completed].bytes.count / 512, using: &random)
      let kind = Int.random(in: 0..<3, using: &random)
      disk.write(growth.writes[completed]) { sector in
        switch kind {
        case 0: sector < cut
        case 1: sector >= cut
        default: Bool.random(using: &random)
        }
      }
      let primary = try? disk.table(at: 1)
      let backup = try? disk.table(at: disk.sectors - 1)
      try #require(primary != nil || backup != nil, "round \(round): no intact table")
      if primary == nil {
        let number = GPTGrowth.partitionOfBrokenTable(
          named: "synbox-data", sectors: disk.sectors, sectorSize: 512, read: disk.read)
        #expect(number == 2, "round \(round)")
      }
      for write in try disk.growth().writes { disk.write(write) }
      // The protective MBR, sector 0, may still have the old size.
      let isComplete = Data(disk.bytes.dropFirst(512)) == Data(complete.bytes.dropFirst(512))
      #expect(isComplete, "round \(round), kind \(kind), cut \(cut)")
    }
  }

  @Test func `with any byte changed is rejected`() throws {
    let image = try DiskImage(small: true, megabytes: 8)
    let good = MemoryDisk(bytes: try image.bytes)
    let growth = try good.growth()
    // Header and first two entries of the primary table; first two entries and header of the backup.
    let end = image.imageSize << 20
    let offsets =
      Array(512..<512 + 92) + Array(1024..<1280) + Array(end - 33 * 512..<end - 33 * 512 + 256)
      + Array(end - 512..<end - 512 + 92)
    for offset in offsets {
      var disk = good
      disk.bytes[offset] ^= 0x40
      #expect(throws: Fault.self, "byte \(offset)") { try disk.growth() }
    }
    var elsewhere = good
    elsewhere.bytes[7 << 20] ^= 1
    #expect(try elsewhere.growth().partition == growth.partition)
  }

  @Test func `is rejected if the partition is missing or not the last`() throws {
    let disk = MemoryDisk(bytes: try DiskImage(small: true, megabytes: 8).bytes)
    for number in [0, 1, 3, 128, 129, -1, .max] {
      #expect(throws: Fault.self, "partition \(number)") { try disk.growth(number) }
    }
  }

  @Test func `that is truncated or missing is rejected`() throws {
    let bytes = try DiskImage(small: true).bytes
    for sectors in [0, 1, 2, 3, 33, 34, 100, bytes.count / 512 - 1] {
      let disk = MemoryDisk(bytes: Array(bytes.prefix(sectors * 512)))
      #expect(throws: Fault.self, "\(sectors) sectors") { try disk.growth() }
    }
    let empty = MemoryDisk(bytes: [UInt8](repeating: 0, count: 1 << 20))
    #expect(throws: Fault.self) { try empty.growth() }
  }

  @Test func `has partition names`() throws {
    let table = try MemoryDisk(bytes: try DiskImage(small: true).bytes).table(at: 1)
    #expect(table.partitionName(1) == "synbox-esp")
    #expect(table.partitionName(2) == "synbox-data")
    #expect(table.partitionName(3) == nil)
    #expect(table.partitions.map(\.number) == [1, 2])
  }
}
