// A file descriptor that closes itself and cannot be copied.
import CLinux

/// Owns one open descriptor; closed when it goes out of scope.
public struct Descriptor: ~Copyable, Sendable {
  /// The number, for calls that borrow it. Never close it.
  public let number: Int32

  /// Takes over `number`, which nothing else may close.
  public init(owning number: Int32) {
    precondition(number >= 0, "not a descriptor: \(number)")
    self.number = number
  }

  /// Gives the number away; the receiver must close it.
  public consuming func release() -> Int32 {
    let number = self.number
    discard self
    return number
  }

  deinit { _ = close(number) }
}

extension Descriptor {
  /// Reads at most `buffer.count` octets into `buffer`; how many, 0 at the end, nil when none are ready.
  public func read(into buffer: inout [UInt8]) throws(Errno) -> Int? {
    let number = self.number
    return try syscallUnlessBusy {
      unsafe buffer.withUnsafeMutableBytes { unsafe CLinux.read(number, $0.baseAddress, $0.count) }
    }
  }

  /// Writes all of `bytes`, however many calls it takes.
  public func writeAll(_ bytes: borrowing [UInt8]) throws(Errno) {
    try writeAll(bytes, in: 0..<bytes.count)
  }

  /// Writes a part of `bytes`, however many calls it takes.
  public func writeAll(_ bytes: borrowing [UInt8], in part: Range<Int>) throws(Errno) {
    precondition(part.upperBound <= bytes.count)
    var offset = part.lowerBound
    let number = self.number
    while offset < part.upperBound {
      let start = offset
      offset += try syscall {
        unsafe bytes.withUnsafeBytes {
          unsafe CLinux.write(number, $0.baseAddress! + start, part.upperBound - start)
        }
      }
    }
  }

  /// Where the next octet written goes; nil where that means nothing, as for a pipe.
  public var writePosition: Int? {
    let flags = clinux_fcntl(number, F_GETFL, 0)
    let position = lseek(number, 0, flags & O_APPEND != 0 ? SEEK_END : SEEK_CUR)
    return position < 0 ? nil : position
  }
}
