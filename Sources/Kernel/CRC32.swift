// The CRC-32 of gzip, Ethernet and GPT, by zlib.
import CLinux

public enum CRC32 {
  public static func of(_ octets: some Collection<UInt8>) -> UInt32 {
    let octets = Array(octets)
    return UInt32(
      truncatingIfNeeded: unsafe octets.withUnsafeBufferPointer {
        unsafe crc32(0, $0.baseAddress, uInt($0.count))
      })
  }
}
