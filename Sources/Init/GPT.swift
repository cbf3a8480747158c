// The GUID Partition Table of a disk (UEFI specification 2.10, section 5.3): reads, verifies and changes it.
// Numbers in it are little-endian; an LBA is the number of a logical sector.
import Kernel

/// One copy of the table, primary or backup: the bytes of its header and of its partition entry array, with valid
/// checksums. Properties have the names of the UEFI specification.
public struct GPT: Hashable, Sendable {
  /// The header's sector, `sectorSize` bytes.
  public private(set) var header: [UInt8]
  /// The partition entry array.
  public private(set) var entries: [UInt8]

  public static let signature = Array("EFI PART".utf8)
  /// Revision 1.0.
  private static let revision: UInt32 = 0x0001_0000
  static let headerSize = 92
  /// Bytes. No common tool makes larger arrays.
  static let maximumEntriesSize = 1 << 20

  /// Offsets of the header's fields (table 5.5).
  private enum Field {
    static let revision = 8
    static let headerSize = 12
    static let headerCRC32 = 16
    static let myLBA = 24
    static let alternateLBA = 32
    static let firstUsableLBA = 40
    static let lastUsableLBA = 48
    static let partitionEntryLBA = 72
    static let numberOfPartitionEntries = 80
    static let sizeOfPartitionEntry = 84
    static let partitionEntryArrayCRC32 = 88
  }

  /// Offsets of a partition entry's fields (table 5.6).
  private enum Entry {
    static let partitionTypeGUID = 0
    static let startingLBA = 32
    static let endingLBA = 40
    static let partitionName = 56
    /// UTF-16 code units.
    static let partitionNameLength = 36
  }

  /// `MyLBA`: the sector of this copy's header.
  public var myLBA: UInt64 { number(at: Field.myLBA) }
  /// `AlternateLBA`: the sector of the other copy's header.
  public var alternateLBA: UInt64 { number(at: Field.alternateLBA) }
  /// `FirstUsableLBA`: the first sector that a partition may use.
  public var firstUsableLBA: UInt64 { number(at: Field.firstUsableLBA) }
  /// `LastUsableLBA`: the last sector that a partition may use.
  public var lastUsableLBA: UInt64 { number(at: Field.lastUsableLBA) }
  /// `PartitionEntryLBA`: the first sector of this copy's partition entry array.
  public var partitionEntryLBA: UInt64 { number(at: Field.partitionEntryLBA) }
  /// `SizeOfPartitionEntry`, bytes.
  public var sizeOfPartitionEntry: Int {
    Int(header.native(at: Field.sizeOfPartitionEntry, as: UInt32.self) ?? 0)
  }
  /// `NumberOfPartitionEntries`.
  public var numberOfPartitionEntries: Int { entries.count / max(1, sizeOfPartitionEntry) }

  /// Reads the copy whose header is in sector `lba`. Throws a `Fault` unless all of it is valid.
  ///
  /// - Parameters:
  ///   - sectors: The size of the disk.
  ///   - sectorSize: Bytes.
  ///   - read: Returns the bytes of `count` sectors from `lba` on.
  public init(
    at lba: UInt64, sectors: UInt64, sectorSize: Int,
    read: (_ lba: UInt64, _ count: Int) throws(Fault) -> [UInt8]
  ) throws(Fault) {
    func invalid(_ problem: String) -> Fault {
      Fault("the partition table in sector \(lba) \(problem)")
    }
    var header = try read(lba, 1)
    guard header.starts(with: Self.signature) else { throw invalid("has no GPT signature") }
    guard header.native(at: Field.revision, as: UInt32.self) == Self.revision else {
      throw invalid("does not have revision 1.0")
    }
    guard header.native(at: Field.headerSize, as: UInt32.self) == UInt32(Self.headerSize) else {
      throw invalid("does not have a header of 92 bytes")
    }
    let checksum = header.native(at: Field.headerCRC32, as: UInt32.self)
    header.replace(at: Field.headerCRC32, with: UInt32(0))
    guard CRC32.of(header[..<Self.headerSize]) == checksum else {
      throw invalid("has a wrong HeaderCRC32")
    }
    header.replace(at: Field.headerCRC32, with: checksum ?? 0)
    self.header = header
    entries = []
    guard myLBA == lba else { throw invalid("has MyLBA \(myLBA)") }
    let count = Int(header.native(at: Field.numberOfPartitionEntries, as: UInt32.self) ?? 0)
    guard [128, 256, 512].contains(sizeOfPartitionEntry), 1...4096 ~= count,
      count * sizeOfPartitionEntry <= Self.maximumEntriesSize
    else { throw invalid("has \(count) entries of \(sizeOfPartitionEntry) bytes") }
    let entrySectors = (count * sizeOfPartitionEntry + sectorSize - 1) / sectorSize
    guard partitionEntryLBA < sectors, UInt64(entrySectors) <= sectors - partitionEntryLBA,
      alternateLBA < sectors, firstUsableLBA <= lastUsableLBA, lastUsableLBA < sectors
    else { throw invalid("refers to sectors beyond the end of the disk") }
    entries = Array(try read(partitionEntryLBA, entrySectors).prefix(count * sizeOfPartitionEntry))
    guard
      CRC32.of(entries) == header.native(at: Field.partitionEntryArrayCRC32, as: UInt32.self)
    else { throw invalid("has a wrong PartitionEntryArrayCRC32") }
  }

  /// Returns the sectors from `StartingLBA` to `EndingLBA` of partition `number`, counted from 1; nil if the entry is
  /// unused or does not exist.
  public func partition(_ number: Int) -> ClosedRange<UInt64>? {
    guard 1...numberOfPartitionEntries ~= number else { return nil }
    let entry = offset(ofEntry: number)
    let type = entry + Entry.partitionTypeGUID
    guard entries[type..<type + 16].contains(where: { $0 != 0 }),
      let start = entries.native(at: entry + Entry.startingLBA, as: UInt64.self),
      let end = entries.native(at: entry + Entry.endingLBA, as: UInt64.self), start <= end
    else { return nil }
    return start...end
  }

  /// All partitions, by number.
  public var partitions: [(number: Int, sectors: ClosedRange<UInt64>)] {
    (1...numberOfPartitionEntries).compactMap { number in partition(number).map { (number, $0) } }
  }

  /// Returns the `PartitionName` of partition `number` (PARTLABEL in Linux); nil if there is no such partition.
  public func partitionName(_ number: Int) -> String? {
    guard partition(number) != nil else { return nil }
    let name = offset(ofEntry: number) + Entry.partitionName
    let units = (0..<Entry.partitionNameLength).map {
      entries.native(at: name + 2 * $0, as: UInt16.self) ?? 0
    }
    return String(decoding: units.prefix { $0 != 0 }, as: UTF16.self)
  }

  // MARK: Changing

  mutating func setEndingLBA(ofPartition number: Int, to endingLBA: UInt64) {
    entries.replace(at: offset(ofEntry: number) + Entry.endingLBA, with: endingLBA)
    updateChecksums()
  }

  /// Sets the location of this copy and of the other, and the last sector that a partition may use.
  mutating func relocate(
    myLBA: UInt64, partitionEntryLBA: UInt64, alternateLBA: UInt64, lastUsableLBA: UInt64
  ) {
    header.replace(at: Field.myLBA, with: myLBA)
    header.replace(at: Field.alternateLBA, with: alternateLBA)
    header.replace(at: Field.lastUsableLBA, with: lastUsableLBA)
    header.replace(at: Field.partitionEntryLBA, with: partitionEntryLBA)
    updateChecksums()
  }

  private mutating func updateChecksums() {
    header.replace(at: Field.partitionEntryArrayCRC32, with: CRC32.of(entries))
    header.replace(at: Field.headerCRC32, with: UInt32(0))
    header.replace(at: Field.headerCRC32, with: CRC32.of(header[..<Self.headerSize]))
  }

  /// Bytes from the start of the array to the entry of partition `number`, counted from 1.
  private func offset(ofEntry number: Int) -> Int { (number - 1) * sizeOfPartitionEntry }

  private func number(at offset: Int) -> UInt64 { header.native(at: offset, as: UInt64.self) ?? 0 }
}

extension [UInt8] {
  /// Writes `number` at `offset` in little-endian byte order.
  mutating func replace<Number: FixedWidthInteger>(at offset: Int, with number: Number) {
    for byte in 0..<MemoryLayout<Number>.size {
      self[offset + byte] = UInt8(truncatingIfNeeded: number >> Number(8 * byte))
    }
  }
}
