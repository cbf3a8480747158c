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
  /// A descriptor that this process was started with; from now on it closes on exec and never waits. A `Fault`
  /// where there is none.
  public static func inherited(_ number: Int32) throws(Fault) -> Descriptor {
    let flags = number > 2 ? clinux_fcntl(number, F_GETFL, 0) : -1
    guard flags >= 0 else {
      throw Fault("\(number) is no descriptor that this process was started with")
    }
    _ = clinux_fcntl(number, F_SETFL, flags | O_NONBLOCK)
    _ = clinux_fcntl(number, F_SETFD, FD_CLOEXEC)
    return Descriptor(owning: number)
  }

  /// Reads at most `buffer.count` bytes into `buffer`; how many, 0 at the end, nil when none are ready.
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

  /// Where the next byte written goes; nil where that means nothing, as for a pipe.
  public var writePosition: Int? {
    let flags = clinux_fcntl(number, F_GETFL, 0)
    let position = lseek(number, 0, flags & O_APPEND != 0 ? SEEK_END : SEEK_CUR)
    return position < 0 ? nil : position
  }
}
