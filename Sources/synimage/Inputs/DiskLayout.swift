// image/layout.toml: the sizes of the partitions.
import Plan
import Settings

/// Sizes in bytes.
struct DiskLayout {
  let esp: Int
  /// The number of UKIs that must fit into the ESP.
  let versions: Int
  let data: Int
  let journal: Int
  let file: String

  /// FAT32 needs at least 65,525 clusters (Microsoft's FAT specification), here of one sector each. The data partition
  /// needs space for the journal and a few block groups.
  static let minimumESP = 33 << 20
  static let minimumData = 32 << 20

  /// - Throws: `InputError` for invalid contents, a `Fault` if the file cannot be read.
  init(file: String) throws {
    self.file = file
    let table = try StrictTable(file: file, known: ["esp", "data"])
    guard let esp = try table.section("esp", known: ["size", "versions"]) else {
      throw table.missing("esp", "a section [esp]")
    }
    guard let data = try table.section("data", known: ["size", "journal"]) else {
      throw table.missing("data", "a section [data]")
    }
    self.esp = try Self.size(esp, "size", Self.minimumESP...(1 << 30))
    versions = try esp.number("versions", 1...8) ?? 2
    self.data = try Self.size(data, "size", Self.minimumData...(1 << 40))
    journal = try Self.size(data, "journal", (4 << 20)...(self.data / 2))
  }

  private static func size(_ table: StrictTable, _ key: String, _ range: ClosedRange<Int>) throws
    -> Int
  {
    let expected =
      "whole MiB such as \"64M\", from \(range.lowerBound >> 20)M to \(range.upperBound >> 20)M"
    let text = try table.required(key, expected)
    guard let size = try? Int(MemorySize(parsing: text).bytes), size % (1 << 20) == 0,
      range.contains(size)
    else { throw table.error(key, found: TOMLValue.quoted(text), expected: expected) }
    return size
  }
}
