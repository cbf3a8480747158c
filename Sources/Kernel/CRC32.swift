// The CRC-32 of gzip, Ethernet and GPT, computed by zlib.
import CLinux

public enum CRC32 {
  /// Returns the CRC-32 of `bytes`.
  public static func of(_ bytes: some Collection<UInt8>) -> UInt32 {
    let bytes = Array(bytes)
    return UInt32(
      truncatingIfNeeded: unsafe bytes.withUnsafeBufferPointer {
        unsafe crc32(0, $0.baseAddress, uInt($0.count))
      })
  }
}
