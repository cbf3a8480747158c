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

/// Ends the process with an exit code.
public func endProcess(_ code: Int32) -> Never { exit(code) }

/// Ends the process with an exit code, at once and from any thread: nothing of the C library is run down,
/// which would not be safe while other threads work.
public func endProcessAtOnce(_ code: Int32) -> Never { _exit(code) }
