// Standard input, output and error, and terminals.
import CLinux

public enum Terminal {
  /// Writes to standard error. Ignores errors.
  public static func error(_ text: String) { write(text, to: STDERR_FILENO) }

  /// Writes short texts such as help to standard output. Ignores errors.
  public static func output(_ text: String) { write(text, to: STDOUT_FILENO) }

  public static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }
  public static var outputIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
  public static var inputIsTerminal: Bool { isatty(STDIN_FILENO) == 1 }

  private static func write(_ text: String, to number: Int32) {
    var remaining = Array(text.utf8)[...]
    while !remaining.isEmpty {
      let count = unsafe remaining.withUnsafeBytes {
        unsafe CLinux.write(number, $0.baseAddress, $0.count)
      }
      guard count > 0 else { return }
      remaining = remaining.dropFirst(count)
    }
  }
}

extension Descriptor {
  /// Opens a terminal for non-blocking writes, without making it the controlling terminal.
  public static func console(_ path: String) throws(Errno) -> Descriptor {
    Descriptor(
      owning: try syscall {
        unsafe clinux_open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0)
      })
  }

  /// Opens /dev/console as those of the descriptors 0, 1 and 2 that are closed, so that no other file gets their
  /// numbers.
  public static func openStandard() {
    for number in Int32(0)...2 where clinux_fcntl(number, F_GETFD, 0) < 0 {
      // open(2) returns the lowest free number.
      guard unsafe clinux_open("/dev/console", O_RDWR | O_NOCTTY, 0) == number else { return }
    }
  }

  /// Writes as many of the bytes as possible within the given time.
  public func write(_ bytes: [UInt8], within milliseconds: Int) {
    let deadline = Clock.monotonic + UInt64(milliseconds) * 1_000_000
    var remaining = bytes[...]
    while !remaining.isEmpty {
      let number = self.number
      do throws(Errno) {
        let count = try syscallUnlessBusy {
          unsafe remaining.withUnsafeBytes { unsafe CLinux.write(number, $0.baseAddress, $0.count) }
        }
        if let count {
          remaining = remaining.dropFirst(count)
        } else {
          guard Clock.monotonic < deadline else { return }
          pause(milliseconds: 5)
        }
      } catch {
        return
      }
    }
  }
}

/// Ends the process with an exit code (exit(3)).
public func endProcess(_ code: Int32) -> Never { exit(code) }

/// Ends the process with an exit code at once (_exit(2)), from any thread. Does not run exit handlers, which would
/// not be safe while other threads run.
public func endProcessAtOnce(_ code: Int32) -> Never { _exit(code) }
