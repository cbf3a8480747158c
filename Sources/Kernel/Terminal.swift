// Standard output and standard error, and whether a person reads them.
import CLinux

public enum Terminal {
  /// Writes to standard error. A reader that has gone is no reason to stop.
  public static func error(_ text: String) { write(text, to: 2) }

  /// Writes to standard output, for short texts such as help.
  public static func output(_ text: String) { write(text, to: 1) }

  public static var errorIsTerminal: Bool { isatty(2) == 1 }
  public static var outputIsTerminal: Bool { isatty(1) == 1 }
  public static var inputIsTerminal: Bool { isatty(0) == 1 }

  private static func write(_ text: String, to number: Int32) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe CLinux.write(number, $0.baseAddress, $0.count) }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}

extension Descriptor {
  /// A terminal to write to, which does not become the process's own and is never waited for.
  public static func console(_ path: String) throws(Errno) -> Descriptor {
    Descriptor(
      owning: try syscall {
        unsafe clinux_open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0)
      })
  }

  /// Makes sure that 0, 1 and 2 are open, so that no other file gets these numbers: to /dev/console, which must
  /// exist, where they are not.
  public static func openStandard() {
    for number in Int32(0)...2 where clinux_fcntl(number, F_GETFD, 0) < 0 {
      // The lowest free number is taken.
      guard unsafe clinux_open("/dev/console", O_RDWR | O_NOCTTY, 0) == number else { return }
    }
  }

  /// Writes what can be written within so many milliseconds.
  public func write(_ bytes: [UInt8], within milliseconds: Int) {
    let deadline = Clock.monotonic + UInt64(milliseconds) * 1_000_000
    var rest = bytes[...]
    while !rest.isEmpty {
      let number = self.number
      do throws(Errno) {
        let count = try syscallUnlessBusy {
          unsafe rest.withUnsafeBytes { unsafe CLinux.write(number, $0.baseAddress, $0.count) }
        }
        if let count {
          rest = rest.dropFirst(count)
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

/// Ends the process with an exit code.
public func endProcess(_ code: Int32) -> Never { exit(code) }

/// Ends the process with an exit code, at once and from any thread: nothing of the C library is run down,
/// which would not be safe while other threads work.
public func endProcessAtOnce(_ code: Int32) -> Never { _exit(code) }
