// Small files, such as those of /proc and /sys.
import CLinux

public enum SmallFile {
  /// Returns the content of a file.
  ///
  /// - Throws: EFBIG if it is longer than `limit` bytes.
  public static func read(_ path: String, limit: Int) throws(Errno) -> [UInt8] {
    let file = Descriptor(
      owning: try syscall { unsafe clinux_open(path, O_RDONLY | O_CLOEXEC, 0) })
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while let count = try file.read(into: &buffer), count > 0 {
      bytes += buffer.prefix(count)
      if bytes.count > limit { throw Errno(EFBIG) }
    }
    return bytes
  }

  /// Writes to an existing file of /proc or /sys, in one call if possible, because there each write is one setting.
  public static func write(_ text: String, to path: String) throws(Errno) {
    let file = Descriptor(
      owning: try syscall { unsafe clinux_open(path, O_WRONLY | O_CLOEXEC, 0) })
    try file.writeAll(Array(text.utf8))
  }

  /// Returns the names in a directory, sorted, without `.` and `..`.
  public static func names(in directory: String) throws(Errno) -> [String] {
    guard let stream = unsafe opendir(directory) else { throw Errno.last }
    defer { _ = unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }
}
