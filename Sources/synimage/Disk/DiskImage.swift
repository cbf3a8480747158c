// The disk: GPT, ESP and data partition. genimage builds it without root.
import Crypto
import Foundation
import Kernel
import Plan

/// Reproducible identifiers: the first 128 bits of a SHA-256 over profile, site, version and role, as UUIDs of
/// version 8 (RFC 9562, section 5.8).
struct DiskIdentifiers {
  let profile: String
  let site: String
  let version: Int

  func uuid(_ role: String) -> String {
    var digits = Array(digest(role).prefix(32))
    digits[12] = "8"
    digits[16] = ["8", "9", "a", "b"][Int(String(digits[16]), radix: 16)! & 3]
    let text = String(digits)
    var parts: [Substring] = []
    var remaining = Substring(text)
    for length in [8, 4, 4, 4, 12] {
      parts.append(remaining.prefix(length))
      remaining = remaining.dropFirst(length)
    }
    return parts.joined(separator: "-")
  }

  /// The 32-bit volume ID of a FAT file system, in hexadecimal.
  func volumeID(_ role: String) -> String { String(digest(role).prefix(8)) }

  private func digest(_ role: String) -> String {
    SHA256.hex(Array("synbox \(profile) \(site) \(version) \(role)".utf8))
  }
}

/// A GPT disk of two partitions.
struct DiskImage {
  static let espLabel = "synbox-esp"
  static let dataLabel = "synbox-data"

  let layout: DiskLayout
  let identifiers: DiskIdentifiers
  let epoch: Int

  /// Checks that the ESP has space for the boot loader and `layout.versions` UKIs.
  ///
  /// - Parameters:
  ///   - files: the sizes of the other files on the ESP, in bytes.
  ///   - version: the size of one UKI, in bytes.
  /// - Throws: `InputError` if it does not.
  static func checkSpace(files: [Int], version: Int, layout: DiskLayout) throws {
    // FAT32 with 512-byte clusters: 32 reserved sectors and two tables of 4 bytes per cluster.
    let sector = 512
    let clusters = (layout.esp - 32 * sector) / (sector + 8)
    func rounded(_ size: Int) -> Int { (size + sector - 1) / sector }
    // 1 MiB for directories and files that the firmware may write.
    let needed = files.map(rounded).reduce(2_048, +) + layout.versions * rounded(version)
    guard needed <= clusters else {
      throw InputError(
        layout.file,
        found: "an ESP of \(layout.esp) bytes with space for \(clusters * sector) bytes of files",
        expected:
          "\(needed * sector) bytes: \(layout.versions) UKIs of \(version) and the boot loader")
    }
  }

  /// Builds the image. `esp` is the directory with the files of the ESP.
  func build(esp: String, to path: String) throws {
    let scratch = try TemporaryDirectory(in: Files.parent(of: path))
    defer { scratch.remove() }
    try Output.makeDirectory(scratch.path("root"))
    try FileManager.default.moveItem(atPath: esp, toPath: scratch.path("root/esp"))
    defer { try? FileManager.default.moveItem(atPath: scratch.path("root/esp"), toPath: esp) }
    let paths = try FileTree.entries(of: scratch.path("root")).map { scratch.path("root/\($0.path)") }
    try Tool("touch", ["--date=@\(epoch)", "--"] + paths.reversed()).run()
    try Output.makeDirectory(scratch.path("out"))
    try makeData(scratch.path("in/data.ext4"), scratch)
    try Output.write(configuration, to: scratch.path("genimage.cfg"))
    var genimage = Tool(
      "genimage",
      [
        "--config", scratch.path("genimage.cfg"), "--rootpath", scratch.path("root"),
        "--tmppath", scratch.path("tmp"), "--inputpath", scratch.path("in"),
        "--outputpath", scratch.path("out"),
      ])
    genimage.directory = scratch.root
    genimage.environment = ["SOURCE_DATE_EPOCH": "\(epoch)", "MTOOLSRC": "/dev/null"]
    try genimage.run()
    try Files.rename(scratch.path("out/disk.img"), to: path)
  }

  /// Makes an empty ext4 file system; init creates the directories. Blocks have 4096 bytes because smaller ones make
  /// growing slow. Every feature is named because the defaults differ between machines.
  private func makeData(_ path: String, _ scratch: TemporaryDirectory) throws {
    let features = [
      "none", "has_journal", "ext_attr", "resize_inode", "dir_index", "filetype", "extent", "64bit",
      "flex_bg", "sparse_super", "large_file", "huge_file", "dir_nlink", "extra_isize", "metadata_csum",
    ].joined(separator: ",")
    // Reserves group descriptors for growth to 1 TiB.
    let extended =
      "root_owner=0:0,hash_seed=\(identifiers.uuid("hash seed")),lazy_itable_init=0,"
      + "lazy_journal_init=0,resize=\((1 << 40) / 4096)"
    try Output.write("[fs_types]\n ext4 = {\n }\n small = {\n }\n", to: scratch.path("mke2fs.conf"))
    try Output.write([], to: path)
    var tool = Tool(
      "mke2fs",
      [
        "-q", "-F", "-t", "ext4", "-O", features, "-E", extended, "-b", "4096", "-I", "256", "-i",
        "65536", "-m", "0", "-J", "size=\(layout.journal >> 20)", "-L", Self.dataLabel, "-U",
        identifiers.uuid("data file system"), path, "\(layout.data >> 10)k",
      ])
    tool.environment = [
      "E2FSPROGS_FAKE_TIME": "\(epoch)", "MKE2FS_CONFIG": scratch.path("mke2fs.conf"),
    ]
    try tool.run()
  }

  private var configuration: String {
    """
    image esp.vfat {
      vfat { extraargs = "--invariant -F 32 -s 1 -i \(identifiers.volumeID("volume")) -n SYNBOX-ESP" }
      size = \(layout.esp)
      mountpoint = "/esp"
    }
    image disk.img {
      hdimage {
        partition-table-type = "gpt"
        align = 1M
        disk-uuid = "\(identifiers.uuid("disk"))"
      }
      partition \(Self.espLabel) {
        image = "esp.vfat"
        partition-type-uuid = "U"
        partition-uuid = "\(identifiers.uuid("ESP"))"
      }
      partition \(Self.dataLabel) {
        image = "data.ext4"
        partition-type-uuid = "L"
        partition-uuid = "\(identifiers.uuid("data partition"))"
      }
    }

    """
  }
}
