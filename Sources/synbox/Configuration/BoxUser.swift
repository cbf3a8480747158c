// Whom the box becomes when it gives up root.
import Kernel
import Plan
import Support

/// A user as it is named in the configuration or on the command line: `UID:GID`, `UID`, or a name of
/// /etc/passwd. Never root, nor root's group.
struct BoxUser: Hashable, ParsableValue {
  private enum Form: Hashable {
    case numbers(Credentials)
    case name(String)
  }

  private let form: Form

  /// 60900 is no system's to give away: Debian's policy (9.2.2) hands 60000 to 64999 out itself, to packages
  /// that ask for a number of their own, and systemd (UIDS-GIDS) leaves it free. 65534, nobody, is whoever
  /// has no number here, and so many at once.
  static let standard = Credentials(uid: 60_900, gid: 60_900)

  init(parsing text: String) throws(ValueError) {
    let expected = "a user that is not root, as UID:GID such as 60900:60900, or a name of /etc/passwd"
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    let isNumeric = text.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ":") }
    guard isNumeric else {
      // As useradd(8) has names, and capitals.
      guard text.wholeMatch(of: /[A-Za-z_][A-Za-z0-9_.-]*\$?/) != nil, text != "root" else {
        throw ValueError(found: "\"\(Escaping.quotable(text))\"", expected: expected)
      }
      form = .name(text)
      return
    }
    // 2^32 - 1 means "as it is" to setresuid(2) and chown(2).
    let numbers = parts.compactMap { UInt32($0) }.filter { $0 != 0 && $0 != .max }
    guard numbers.count == parts.count, (1...2).contains(numbers.count) else {
      throw ValueError(found: "\"\(text)\"", expected: expected)
    }
    form = .numbers(Credentials(uid: numbers[0], gid: numbers[numbers.count - 1]))
  }

  private var credentials: Credentials {
    get throws(Fault) {
      guard case .name(let name) = form else {
        guard case .numbers(let credentials) = form else { preconditionFailure() }
        return credentials
      }
      guard let found = try Credentials.named(name) else {
        throw Fault(
          "there is no user \(name) in /etc/passwd", remedy: "Make it, or name one as UID:GID")
      }
      guard found.uid != 0, found.gid != 0 else {
        throw Fault(
          "the user \(name) is \(found), root's",
          remedy: "Name one that is not root, nor in root's group")
      }
      return found
    }
  }

  /// Whom this process has to become; nil where it is that user already. Root becomes `standard` where nothing
  /// else was chosen; who is not root stays who he is.
  static func toBecome(_ chosen: BoxUser?) throws(Fault) -> Credentials? {
    let current = Credentials.current()
    let wanted = try chosen?.credentials ?? (current.uid == 0 ? standard : current)
    return wanted == current ? nil : wanted
  }
}
