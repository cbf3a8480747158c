// A file descriptor that is closed automatically and cannot be copied.
import CLinux

/// An open file descriptor, closed when it goes out of scope.
public struct Descriptor: ~Copyable, Sendable {
  /// The descriptor's number, to borrow. Never close it.
  public let number: Int32

  /// Takes ownership of `number`. Nothing else may close it.
  public init(owning number: Int32) {
    precondition(number >= 0, "not a descriptor: \(number)")
    self.number = number
  }

  /// Gives up ownership. The caller must close the returned number.
  public consuming func release() -> Int32 {
    let number = self.number
    discard self
    return number
  }

  deinit { _ = close(number) }
}

extension Descriptor {
  /// Takes ownership of a descriptor that this process was started with, and makes it close-on-exec and non-blocking.
  ///
  /// - Throws: a `Fault` if it is not open.
  public static func inherited(_ number: Int32) throws(Fault) -> Descriptor {
    let flags = number > 2 ? clinux_fcntl(number, F_GETFL, 0) : -1
    guard flags >= 0 else {
      throw Fault("descriptor \(number) is not open: this process was not started with it")
    }
    _ = clinux_fcntl(number, F_SETFL, flags | O_NONBLOCK)
    _ = clinux_fcntl(number, F_SETFD, FD_CLOEXEC)
    return Descriptor(owning: number)
  }

  /// Reads at most `buffer.count` bytes. Returns their number: 0 at the end of the file, nil if none are ready.
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

  /// The offset of the next write; nil for a file without offsets, such as a pipe.
  public var writePosition: Int? {
    let flags = clinux_fcntl(number, F_GETFL, 0)
    let position = lseek(number, 0, flags & O_APPEND != 0 ? SEEK_END : SEEK_CUR)
    return position < 0 ? nil : position
  }
}
