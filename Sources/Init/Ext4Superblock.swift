// The ext4 superblock (Documentation/filesystems/ext4/super.rst), checked before the file system is mounted.
import Kernel
import Spool

/// The fields of an intact ext4 superblock. On disk they are little-endian.
public struct Ext4Superblock: Hashable, Sendable {
  /// Bytes from the start of the partition.
  public static let offset: UInt64 = 1024
  /// Bytes.
  public static let size = 1024

  /// Bytes: 1024 << `s_log_block_size`.
  public let blockSize: UInt64
  /// `s_blocks_count_hi` and `s_blocks_count_lo`.
  public let blocksCount: UInt64
  /// `RO_COMPAT_METADATA_CSUM` of `s_feature_ro_compat`.
  public let hasMetadataChecksum: Bool

  /// Offsets of fields, named as in the kernel's `struct ext4_super_block`.
  private enum Field {
    /// `s_blocks_count_lo`
    static let blocksCountLow = 0x4
    /// `s_log_block_size`
    static let logBlockSize = 0x18
    /// `s_magic`, 16 bits
    static let magic = 0x38
    /// `s_state`, 16 bits
    static let state = 0x3a
    /// `s_feature_incompat`
    static let featureIncompat = 0x60
    /// `s_feature_ro_compat`
    static let featureROCompat = 0x64
    /// `s_blocks_count_hi`
    static let blocksCountHigh = 0x150
    /// `s_checksum_type`, 8 bits
    static let checksumType = 0x175
    /// `s_error_count`
    static let errorCount = 0x194
    /// `s_checksum`
    static let checksum = 0x3fc
  }

  /// `EXT4_SUPER_MAGIC`
  private static let magic: UInt16 = 0xef53
  /// `EXT4_ERROR_FS` of `s_state`: the kernel has found errors.
  private static let errorState: UInt16 = 2
  /// `EXT4_CRC32C_CHKSUM`
  private static let crc32cChecksumType: UInt8 = 1
  /// `EXT4_MAX_BLOCK_LOG_SIZE` - `EXT4_MIN_BLOCK_LOG_SIZE`: 64 KiB.
  private static let maximumLogBlockSize: UInt32 = 6

  /// The `INCOMPAT_` features that kernels from 6.1 on support: filetype, recover, meta_bg, extents, 64bit, mmp,
  /// flex_bg, ea_inode, csum_seed, largedir, inline_data, encrypt, casefold.
  private static let supportedIncompat: UInt32 =
    0x2 | 0x4 | 0x10 | incompat64Bit | 0x40 | 0x100 | 0x200 | 0x400 | 0x2000 | 0x4000 | 0x8000 | 0x10000
    | 0x20000
  /// `INCOMPAT_64BIT`
  private static let incompat64Bit: UInt32 = 0x80
  /// `RO_COMPAT_METADATA_CSUM`
  private static let roCompatMetadataChecksum: UInt32 = 0x400

  /// Throws a `Fault` unless the superblock is intact and the file system fits in its partition.
  ///
  /// - Parameters:
  ///   - bytes: The superblock, `size` bytes.
  ///   - partitionSize: Bytes.
  public init(_ bytes: [UInt8], partitionSize: UInt64) throws(Fault) {
    func invalid(_ problem: String) -> Fault { Fault("its superblock \(problem)") }
    func number(_ offset: Int) -> UInt32 { bytes.native(at: offset, as: UInt32.self) ?? 0 }
    guard bytes.count == Self.size else { throw invalid("is truncated") }
    guard bytes.native(at: Field.magic, as: UInt16.self) == Self.magic else {
      throw invalid("has no ext4 magic (0xef53)")
    }
    hasMetadataChecksum = number(Field.featureROCompat) & Self.roCompatMetadataChecksum != 0
    if hasMetadataChecksum {
      // The kernel's crc32c does not invert the result, over all bytes before the checksum.
      guard bytes[Field.checksumType] == Self.crc32cChecksumType,
        ~CRC32C.of(Array(bytes[..<Field.checksum])) == number(Field.checksum)
      else { throw invalid("has a wrong checksum") }
    }
    let incompat = number(Field.featureIncompat)
    let unsupported = incompat & ~Self.supportedIncompat
    guard unsupported == 0 else {
      throw invalid("has unsupported features (0x\(String(unsupported, radix: 16)))")
    }
    guard bytes.native(at: Field.state, as: UInt16.self).map({ $0 & Self.errorState }) == 0 else {
      throw invalid("records \(number(Field.errorCount)) file system errors")
    }
    guard number(Field.logBlockSize) <= Self.maximumLogBlockSize else {
      throw invalid("has an invalid block size")
    }
    blockSize = 1024 << UInt64(number(Field.logBlockSize))
    let high = incompat & Self.incompat64Bit != 0 ? UInt64(number(Field.blocksCountHigh)) << 32 : 0
    blocksCount = high | UInt64(number(Field.blocksCountLow))
    guard blocksCount > 0, blocksCount <= partitionSize / blockSize else {
      throw invalid(
        "has \(blocksCount) blocks of \(blockSize) bytes, but the partition only "
          + "\(partitionSize / blockSize)")
    }
  }
}
