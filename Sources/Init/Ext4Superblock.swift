// What an ext4 file system says of itself (Documentation/filesystems/ext4/super.rst), looked at before it is
// mounted: what is odd is left alone.
import Kernel
import Spool

/// The superblock, believed only if it is whole. Its numbers are little-endian.
public struct Ext4Superblock: Hashable, Sendable {
  /// Bytes from the partition's start.
  public static let place: UInt64 = 1024
  /// Bytes.
  public static let length = 1024

  /// Bytes.
  public let blockSize: UInt64
  public let blocks: UInt64
  /// False where the file system is made without checksums.
  public let hasChecksum: Bool

  /// `INCOMPAT_` features that kernels from 6.1 on know: filetype, recover, meta_bg, extents, 64bit, mmp,
  /// flex_bg, ea_inode, csum_seed, largedir, inline_data, encrypt, casefold.
  static let knownIncompatible: UInt32 =
    0x2 | 0x4 | 0x10 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x2000 | 0x4000 | 0x8000 | 0x10000
    | 0x20000
  /// `RO_COMPAT_METADATA_CSUM`.
  static let checksums: UInt32 = 0x400

  /// - Parameters:
  ///   - bytes: the superblock's 1024.
  ///   - size: of the partition, in bytes.
  public init(_ bytes: [UInt8], partitionSize size: UInt64) throws(Fault) {
    func wrong(_ what: String) -> Fault { Fault("its superblock \(what)") }
    func number(_ offset: Int) -> UInt32 { bytes.native(at: offset, as: UInt32.self) ?? 0 }
    guard bytes.count == Self.length else { throw wrong("is cut off") }
    guard bytes.native(at: 0x38, as: UInt16.self) == 0xef53 else {
      throw wrong("has no ext4 magic (0xef53)")
    }
    hasChecksum = number(0x64) & Self.checksums != 0
    if hasChecksum {
      // crc32c without the usual inversion at the end, over all before it.
      guard bytes[0x175] == 1, ~CRC32C.of(Array(bytes[..<0x3fc])) == number(0x3fc) else {
        throw wrong("has a wrong checksum")
      }
    }
    let unknown = number(0x60) & ~Self.knownIncompatible
    guard unknown == 0 else {
      throw wrong("has features that are not known here (0x\(String(unknown, radix: 16)))")
    }
    // EXT4_ERROR_FS: the kernel has met a fault in it that nobody has repaired.
    guard bytes.native(at: 0x3a, as: UInt16.self).map({ $0 & 2 }) == 0 else {
      throw wrong("records \(number(0x194)) errors that the kernel has met in it")
    }
    guard number(0x18) <= 6 else { throw wrong("has an impossible block size") }
    blockSize = 1024 << UInt64(number(0x18))
    let high = number(0x60) & 0x80 != 0 ? UInt64(number(0x150)) << 32 : 0
    blocks = high | UInt64(number(0x4))
    guard blocks > 0, blocks <= size / blockSize else {
      throw wrong(
        "claims \(blocks) blocks of \(blockSize) bytes, the partition has \(size / blockSize)")
    }
  }
}
