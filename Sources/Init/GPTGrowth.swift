// A partition grown to the end of its disk, so that a power cut at any moment leaves a table that can be read.
import Kernel

/// What must be written, and what comes of it.
public struct GPTGrowth: Hashable, Sendable {
  public struct Write: Hashable, Sendable {
    /// Sectors.
    public let place: UInt64
    public let bytes: [UInt8]
  }

  /// In this order, each to be on the disk before the next is begun. Empty: all is as it should be.
  ///
  /// The copy at the disk's end comes first. Until the one at its start has been written, that one, which is
  /// whole, names the old copy behind it; if writing it is cut off, it is no longer believed, and the copy in
  /// the disk's last sector is what firmware, and `init(repairing:)`, go by.
  public let writes: [Write]
  /// The partition's sectors afterwards.
  public let partition: ClosedRange<UInt64>

  public typealias Reader = (_ place: UInt64, _ count: Int) throws(Fault) -> [UInt8]

  /// Grows partition `number`, which must be the last on the disk. Throws a `Fault`, and nothing may be written
  /// then, where anything is not as this product makes it.
  public init(
    partition number: Int, sectors: UInt64, sectorSize: Int, read: Reader
  ) throws(Fault) {
    guard sectors > 3 else { throw Fault("a disk of \(sectors) sectors has no room for a table") }
    let disk = GPTDisk(sectors: sectors, sectorSize: sectorSize)
    let table: GPT
    do throws(Fault) {
      table = try disk.table(at: 1, read)
    } catch {
      // Cut off while the first copy was written: the last one has what it was to be.
      guard let last = try? disk.table(at: sectors - 1, read) else { throw error }
      self = try Self(repairing: last, number, disk, read)
      return
    }
    guard let old = table.partition(number) else {
      throw Fault("the partition table has no partition \(number)")
    }
    let backup = try disk.table(at: table.alternate, read)
    guard backup.alternate == 1, backup.entries == table.entries else {
      throw Fault("the two copies of the partition table differ")
    }
    let others = table.partitions.filter { $0.number != number }
    guard others.allSatisfy({ $0.sectors.upperBound < old.lowerBound }),
      old.lowerBound >= table.firstUsable, old.upperBound <= table.lastUsable
    else { throw Fault("partition \(number) is not the last on its disk") }
    let length = disk.entrySectors(table)
    guard table.entriesPlace == 2, table.firstUsable >= 2 + length, sectors > 2 * length + 4 else {
      throw Fault("the partition table leaves its entries no room")
    }
    let lastUsable = sectors - 2 - length
    // Whole MiB, as partitions are aligned everywhere.
    let unit = max(1, UInt64(1 << 20) / UInt64(sectorSize))
    let end = (lastUsable + 1) / unit * unit
    guard end > old.upperBound + 1 else {
      (writes, partition) = ([], old)
      return
    }
    var grown = table
    grown.setEnd(of: number, to: end - 1)
    var last = grown
    grown.move(to: 1, entries: 2, alternate: sectors - 1, lastUsable: lastUsable)
    last.move(to: sectors - 1, entries: lastUsable + 1, alternate: 1, lastUsable: lastUsable)
    writes = [disk.atEnd(last), disk.atStart(grown, try read(0, 1))]
    partition = old.lowerBound...(end - 1)
  }

  /// Writes the copy at the disk's start anew from the one in its last sector.
  private init(repairing last: GPT, _ number: Int, _ disk: GPTDisk, _ read: Reader) throws(Fault) {
    let length = disk.entrySectors(last)
    guard last.alternate == 1, last.entriesPlace == last.lastUsable + 1, last.firstUsable >= 2 + length,
      let sectors = last.partition(number), sectors.upperBound <= last.lastUsable,
      sectors.lowerBound >= last.firstUsable
    else { throw Fault("the partition table at the disk's end is not this product's") }
    var first = last
    first.move(to: 1, entries: 2, alternate: last.place, lastUsable: last.lastUsable)
    writes = [disk.atStart(first, try read(0, 1))]
    partition = sectors
  }

  /// Whether the copy at the disk's start is broken and the one at its end is whole, and then which number a
  /// partition has there: the kernel shows none of such a disk.
  public static func brokenTable(
    naming name: String, sectors: UInt64, sectorSize: Int, read: Reader
  ) -> Int? {
    let disk = GPTDisk(sectors: sectors, sectorSize: sectorSize)
    guard sectors > 2, (try? disk.table(at: 1, read)) == nil,
      let last = try? disk.table(at: sectors - 1, read)
    else { return nil }
    return last.partitions.map(\.number).first { last.name($0) == name }
  }
}

/// Where the copies lie.
private struct GPTDisk {
  let sectors: UInt64
  let sectorSize: Int

  func table(at place: UInt64, _ read: GPTGrowth.Reader) throws(Fault) -> GPT {
    guard place >= 1, place < sectors else {
      throw Fault("a copy of the partition table is to lie beyond the disk's end")
    }
    return try GPT(at: place, sectors: sectors, sectorSize: sectorSize, read: read)
  }

  func entrySectors(_ table: GPT) -> UInt64 {
    UInt64((table.entries.count + sectorSize - 1) / sectorSize)
  }

  private func padded(_ bytes: [UInt8]) -> [UInt8] {
    let rest = bytes.count % sectorSize
    return rest == 0 ? bytes : bytes + [UInt8](repeating: 0, count: sectorSize - rest)
  }

  /// The entries, then the header in the last sector.
  func atEnd(_ table: GPT) -> GPTGrowth.Write {
    GPTGrowth.Write(place: table.entriesPlace, bytes: padded(table.entries) + table.header)
  }

  /// The protective MBR, the header, the entries. `boot` is sector 0 as it is: its one entry grows too (UEFI
  /// 2.10, section 5.2.3), where it is the usual one.
  func atStart(_ table: GPT, _ boot: [UInt8]) -> GPTGrowth.Write {
    var boot = boot
    let entry = 446
    if boot[entry + 4] == 0xee, boot.native(at: entry + 8, as: UInt32.self) == 1 {
      boot.replace(at: entry + 12, with: UInt32(clamping: sectors - 1))
    }
    return GPTGrowth.Write(place: 0, bytes: boot + table.header + padded(table.entries))
  }
}
