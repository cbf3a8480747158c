// Growing a partition to the end of its disk. A power cut at any moment leaves a readable table.
import Kernel

/// The writes that grow a partition, and the result.
public struct GPTGrowth: Hashable, Sendable {
  public struct Write: Hashable, Sendable {
    /// The first sector.
    public let lba: UInt64
    public let bytes: [UInt8]
  }

  /// In this order; each must reach the disk before the next one starts. Empty if the partition has its full size.
  ///
  /// The backup table comes first. Until the primary table is written, the old one is intact and refers to the old
  /// backup. If a power cut leaves the primary table half written, its checksum is wrong, and both firmware and
  /// `init(repairing:)` use the backup in the disk's last sector.
  public let writes: [Write]
  /// The sectors of the partition afterwards.
  public let partition: ClosedRange<UInt64>

  public typealias Reader = (_ lba: UInt64, _ count: Int) throws(Fault) -> [UInt8]

  /// Plans the growth of partition `number`, which must be the last on the disk. Throws a `Fault` if anything about
  /// the table is unexpected; nothing may be written then.
  public init(
    partition number: Int, sectors: UInt64, sectorSize: Int, read: Reader
  ) throws(Fault) {
    guard sectors > 3 else {
      throw Fault("a disk of \(sectors) sectors is too small for a partition table")
    }
    let disk = GPTDisk(sectors: sectors, sectorSize: sectorSize)
    let table: GPT
    do throws(Fault) {
      table = try disk.table(at: 1, read)
    } catch {
      // The primary table is half written; the backup has its intended contents.
      guard let backup = try? disk.table(at: sectors - 1, read) else { throw error }
      self = try Self(repairing: backup, number, disk, read)
      return
    }
    guard let old = table.partition(number) else {
      throw Fault("the partition table has no partition \(number)")
    }
    let backup = try disk.table(at: table.alternateLBA, read)
    guard backup.alternateLBA == 1, backup.entries == table.entries else {
      throw Fault("the primary and the backup partition table differ")
    }
    let others = table.partitions.filter { $0.number != number }
    guard others.allSatisfy({ $0.sectors.upperBound < old.lowerBound }),
      old.lowerBound >= table.firstUsableLBA, old.upperBound <= table.lastUsableLBA
    else { throw Fault("partition \(number) is not the last on its disk") }
    let entrySectors = disk.entrySectors(table)
    guard table.partitionEntryLBA == 2, table.firstUsableLBA >= 2 + entrySectors,
      sectors > 2 * entrySectors + 4
    else { throw Fault("the partition entry array is not right after the header") }
    let lastUsableLBA = sectors - 2 - entrySectors
    // Partitions are aligned to 1 MiB.
    let alignment = max(1, UInt64(1 << 20) / UInt64(sectorSize))
    let end = (lastUsableLBA + 1) / alignment * alignment
    guard end > old.upperBound + 1 else {
      (writes, partition) = ([], old)
      return
    }
    var newPrimary = table
    newPrimary.setEndingLBA(ofPartition: number, to: end - 1)
    var newBackup = newPrimary
    newPrimary.relocate(
      myLBA: 1, partitionEntryLBA: 2, alternateLBA: sectors - 1, lastUsableLBA: lastUsableLBA)
    newBackup.relocate(
      myLBA: sectors - 1, partitionEntryLBA: lastUsableLBA + 1, alternateLBA: 1,
      lastUsableLBA: lastUsableLBA)
    writes = [disk.backupWrite(newBackup), disk.primaryWrite(newPrimary, try read(0, 1))]
    partition = old.lowerBound...(end - 1)
  }

  /// Restores the primary table from the backup in the disk's last sector.
  private init(repairing backup: GPT, _ number: Int, _ disk: GPTDisk, _ read: Reader) throws(Fault) {
    let entrySectors = disk.entrySectors(backup)
    guard backup.alternateLBA == 1, backup.partitionEntryLBA == backup.lastUsableLBA + 1,
      backup.firstUsableLBA >= 2 + entrySectors, let sectors = backup.partition(number),
      sectors.upperBound <= backup.lastUsableLBA, sectors.lowerBound >= backup.firstUsableLBA
    else { throw Fault("the backup partition table was not written by synbox") }
    var primary = backup
    primary.relocate(
      myLBA: 1, partitionEntryLBA: 2, alternateLBA: backup.myLBA,
      lastUsableLBA: backup.lastUsableLBA)
    writes = [disk.primaryWrite(primary, try read(0, 1))]
    partition = sectors
  }

  /// Returns the number of the partition `name` if the primary table is broken and the backup is intact; otherwise nil.
  /// The kernel shows no partitions of such a disk.
  public static func partitionOfBrokenTable(
    named name: String, sectors: UInt64, sectorSize: Int, read: Reader
  ) -> Int? {
    let disk = GPTDisk(sectors: sectors, sectorSize: sectorSize)
    guard sectors > 2, (try? disk.table(at: 1, read)) == nil,
      let backup = try? disk.table(at: sectors - 1, read)
    else { return nil }
    return backup.partitions.map(\.number).first { backup.partitionName($0) == name }
  }
}

/// The layout of the tables on a disk.
private struct GPTDisk {
  let sectors: UInt64
  let sectorSize: Int

  func table(at lba: UInt64, _ read: GPTGrowth.Reader) throws(Fault) -> GPT {
    guard lba >= 1, lba < sectors else {
      throw Fault("AlternateLBA \(lba) is not on the disk")
    }
    return try GPT(at: lba, sectors: sectors, sectorSize: sectorSize, read: read)
  }

  func entrySectors(_ table: GPT) -> UInt64 {
    UInt64((table.entries.count + sectorSize - 1) / sectorSize)
  }

  private func padded(_ bytes: [UInt8]) -> [UInt8] {
    let excess = bytes.count % sectorSize
    return excess == 0 ? bytes : bytes + [UInt8](repeating: 0, count: sectorSize - excess)
  }

  /// The partition entry array, then the header in the disk's last sector.
  func backupWrite(_ table: GPT) -> GPTGrowth.Write {
    GPTGrowth.Write(lba: table.partitionEntryLBA, bytes: padded(table.entries) + table.header)
  }

  /// The protective MBR, the header, then the partition entry array.
  ///
  /// - Parameter mbr: sector 0. If it is a protective MBR (UEFI 2.10, section 5.2.3), its `SizeInLBA` is updated.
  func primaryWrite(_ table: GPT, _ mbr: [UInt8]) -> GPTGrowth.Write {
    var mbr = mbr
    // The first partition record: OSType at 4, StartingLBA at 8, SizeInLBA at 12.
    let record = 446
    let gptProtective: UInt8 = 0xee
    if mbr[record + 4] == gptProtective, mbr.native(at: record + 8, as: UInt32.self) == 1 {
      mbr.replace(at: record + 12, with: UInt32(clamping: sectors - 1))
    }
    return GPTGrowth.Write(lba: 0, bytes: mbr + table.header + padded(table.entries))
  }
}
