// The GUID partition table of a disk (UEFI specification 2.10, section 5.3): read, verified, written.
// All numbers in it are little-endian; places are logical sectors (LBA).
import Kernel

/// One copy of the table: its header and its entries, both as they lie on the disk and with right checksums.
public struct GPT: Hashable, Sendable {
  /// The header's sector, `sectorSize` bytes.
  public private(set) var header: [UInt8]
  /// The array of entries, whole.
  public private(set) var entries: [UInt8]

  public static let signature = Array("EFI PART".utf8)
  static let headerLength = 92
  /// Larger arrays are none that this product makes. Bytes.
  static let maximumEntries = 1 << 20

  public var place: UInt64 { number(at: 24) }
  public var alternate: UInt64 { number(at: 32) }
  public var firstUsable: UInt64 { number(at: 40) }
  public var lastUsable: UInt64 { number(at: 48) }
  public var entriesPlace: UInt64 { number(at: 72) }
  public var entrySize: Int { Int(header.native(at: 84, as: UInt32.self) ?? 0) }
  public var entryCount: Int { entries.count / max(1, entrySize) }

  /// Reads the copy whose header lies in sector `place`, and believes it only if all of it is right. Throws a
  /// `Fault` that says what is not.
  ///
  /// - Parameter read: the bytes of `count` sectors from a place on.
  public init(
    at place: UInt64, sectors: UInt64, sectorSize: Int,
    read: (_ place: UInt64, _ count: Int) throws(Fault) -> [UInt8]
  ) throws(Fault) {
    func wrong(_ what: String) -> Fault { Fault("the partition table in sector \(place) \(what)") }
    var header = try read(place, 1)
    guard header.starts(with: Self.signature) else { throw wrong("is none") }
    guard header.native(at: 8, as: UInt32.self) == 0x0001_0000 else {
      throw wrong("is of another version than 1.0")
    }
    guard header.native(at: 12, as: UInt32.self) == UInt32(Self.headerLength) else {
      throw wrong("has a header of another length than 92 bytes")
    }
    let checksum = header.native(at: 16, as: UInt32.self)
    header.replace(at: 16, with: UInt32(0))
    guard CRC32.of(header[..<Self.headerLength]) == checksum else {
      throw wrong("has a header whose checksum is wrong")
    }
    header.replace(at: 16, with: checksum ?? 0)
    self.header = header
    entries = []
    guard self.place == place else { throw wrong("says that it lies in sector \(self.place)") }
    let count = Int(header.native(at: 80, as: UInt32.self) ?? 0)
    guard [128, 256, 512].contains(entrySize), 1...4096 ~= count,
      count * entrySize <= Self.maximumEntries
    else { throw wrong("has \(count) entries of \(entrySize) bytes") }
    let length = (count * entrySize + sectorSize - 1) / sectorSize
    guard entriesPlace < sectors, UInt64(length) <= sectors - entriesPlace, alternate < sectors,
      firstUsable <= lastUsable, lastUsable < sectors
    else { throw wrong("names places beyond the disk's end") }
    entries = Array(try read(entriesPlace, length).prefix(count * entrySize))
    guard CRC32.of(entries) == header.native(at: 88, as: UInt32.self) else {
      throw wrong("has entries whose checksum is wrong")
    }
  }

  /// The first and last sector of a partition, counted from 1; nil where the entry is unused or there is none.
  public func partition(_ number: Int) -> ClosedRange<UInt64>? {
    guard 1...entryCount ~= number else { return nil }
    let at = (number - 1) * entrySize
    guard entries[at..<at + 16].contains(where: { $0 != 0 }),
      let first = entries.native(at: at + 32, as: UInt64.self),
      let last = entries.native(at: at + 40, as: UInt64.self), first <= last
    else { return nil }
    return first...last
  }

  /// All partitions, by number.
  public var partitions: [(number: Int, sectors: ClosedRange<UInt64>)] {
    (1...entryCount).compactMap { number in partition(number).map { (number, $0) } }
  }

  /// A partition's name (PARTLABEL).
  public func name(_ number: Int) -> String? {
    guard partition(number) != nil else { return nil }
    let at = (number - 1) * entrySize + 56
    let units = (0..<36).map { entries.native(at: at + 2 * $0, as: UInt16.self) ?? 0 }
    return String(decoding: units.prefix { $0 != 0 }, as: UTF16.self)
  }

  // MARK: Changing

  mutating func setEnd(of number: Int, to last: UInt64) {
    entries.replace(at: (number - 1) * entrySize + 40, with: last)
    seal()
  }

  /// Says where this copy and the other lie, and which sectors partitions may use.
  mutating func move(to place: UInt64, entries: UInt64, alternate: UInt64, lastUsable: UInt64) {
    header.replace(at: 24, with: place)
    header.replace(at: 32, with: alternate)
    header.replace(at: 48, with: lastUsable)
    header.replace(at: 72, with: entries)
    seal()
  }

  private mutating func seal() {
    header.replace(at: 88, with: CRC32.of(entries))
    header.replace(at: 16, with: UInt32(0))
    header.replace(at: 16, with: CRC32.of(header[..<Self.headerLength]))
  }

  private func number(at offset: Int) -> UInt64 { header.native(at: offset, as: UInt64.self) ?? 0 }
}

extension [UInt8] {
  /// Writes the bytes of `number` as a little-endian machine keeps them.
  mutating func replace<Number: FixedWidthInteger>(at offset: Int, with number: Number) {
    for byte in 0..<MemoryLayout<Number>.size {
      self[offset + byte] = UInt8(truncatingIfNeeded: number >> Number(8 * byte))
    }
  }
}
