// The user that the box runs as after giving up root.
import Kernel
import Plan
import Support

/// A user as named in the configuration or on the command line: `UID:GID`, `UID`, or a name in /etc/passwd.
/// Neither the user nor the group may be root's.
struct BoxUser: Hashable, ParsableValue {
  private enum Form: Hashable {
    case numbers(Credentials)
    case name(String)
  }

  private let form: Form

  /// 60900 belongs to nobody: Debian Policy (9.2.2) assigns 60000 to 64999 on request only, and systemd
  /// (UIDS-GIDS) leaves the range free. 65534 (nobody) would be shared with every unmapped user.
  static let standard = Credentials(uid: 60_900, gid: 60_900)

  init(parsing text: String) throws(ValueError) {
    let expected = "a user that is not root, as UID:GID such as 60900:60900, or a name in /etc/passwd"
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    let isNumeric = text.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ":") }
    guard isNumeric else {
      // The names that useradd(8) accepts, and those with capitals.
      guard text.wholeMatch(of: /[A-Za-z_][A-Za-z0-9_.-]*\$?/) != nil, text != "root" else {
        throw ValueError(found: "\"\(Escaping.quotable(text))\"", expected: expected)
      }
      form = .name(text)
      return
    }
    // 2^32 - 1 means "unchanged" to setresuid(2) and chown(2).
    let numbers = parts.compactMap { UInt32($0) }.filter { $0 != 0 && $0 != .max }
    guard numbers.count == parts.count, (1...2).contains(numbers.count) else {
      throw ValueError(found: "\"\(text)\"", expected: expected)
    }
    form = .numbers(Credentials(uid: numbers[0], gid: numbers[numbers.count - 1]))
  }

  private var credentials: Credentials {
    get throws(Fault) {
      switch form {
      case .numbers(let credentials): return credentials
      case .name(let name):
        guard let found = try Credentials.named(name) else {
          throw Fault(
            "there is no user \(name) in /etc/passwd", remedy: "Create it, or give the user as UID:GID")
        }
        guard found.uid != 0, found.gid != 0 else {
          throw Fault(
            "the user \(name) is \(found), which is root's",
            remedy: "Choose a user that is neither root nor in root's group")
        }
        return found
      }
    }
  }

  /// Returns the credentials that this process has to switch to, or nil if it has them already. If no user was
  /// chosen, root switches to `standard`, and any other user keeps its own.
  static func credentialsToAssume(_ chosen: BoxUser?) throws(Fault) -> Credentials? {
    let current = Credentials.current()
    let target = try chosen?.credentials ?? (current.uid == 0 ? standard : current)
    return target == current ? nil : target
  }
}
