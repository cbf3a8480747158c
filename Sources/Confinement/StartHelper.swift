// The start helper: a process that PID 1 starts as root, which confines itself and then becomes the service. PID 1
// cannot do so itself, because a drop is irreversible, and a child between fork(2) and execve(2) may do very little.
import Kernel

/// What the start helper does, and its command line, by which PID 1 tells it.
public struct StartHelper: Hashable, Sendable {
  public var rules: StartRules
  /// The environment of the service, as `NAME=value`.
  public var environment: [String]
  /// A descriptor that the service does not get, so that whoever has the other end of the pipe sees when it begins.
  public var closing: Int?
  public var program: String
  public var arguments: [String]

  public init(
    rules: StartRules, environment: [String] = [], closing: Int? = nil, program: String,
    arguments: [String] = []
  ) {
    self.rules = rules
    self.environment = environment
    self.closing = closing
    self.program = program
    self.arguments = arguments
  }

  /// Confines this process and becomes the service. Returns only by throwing a `Fault`.
  public func run() throws(Fault) -> Never {
    // sd_listen_fds(3) wants the descriptors to be meant for this very process.
    let hasSockets = environment.contains { $0.hasPrefix("LISTEN_FDS=") }
    let variables = environment + (hasSockets ? ["LISTEN_PID=\(processID())"] : [])
    // Close-on-exec from here on.
    if let closing { _ = try Descriptor.inherited(Int32(closing)).release() }
    try rules.apply()
    try ChildProcess.replace(program, [program] + arguments, environment: variables)
  }

  // MARK: The command line

  private static let separator = "--"

  /// The words from which `init(parsing:)` makes the same value.
  public var words: [String] {
    var words = ["user=\(rules.user.uid):\(rules.user.gid)"]
    words += rules.readWrite.map { "write=\($0)" }
    words += rules.readOnly.map { "read=\($0)" }
    words += rules.executable.map { "execute=\($0)" }
    words += rules.limits.map { "limit=\($0.rawValue):\($1)" }.sorted()
    if let calls = rules.systemCalls { words.append("calls=\(calls.joined(separator: ","))") }
    words += environment.map { "environment=\($0)" }
    if let closing { words.append("close=\(closing)") }
    return words + [Self.separator, program] + arguments
  }

  /// Parses the words of a command line. Throws a `Fault` for anything but what `words` makes: a mistake must not give
  /// a service more than it should have.
  public init(parsing words: some Collection<String>) throws(Fault) {
    let words = Array(words)
    guard let end = words.firstIndex(of: Self.separator), end + 1 < words.count else {
      throw Fault("the start helper needs `\(Self.separator) PROGRAM` at the end")
    }
    var user: Credentials?
    var rules = StartRules(user: Credentials(uid: 0, gid: 0), executable: [])
    environment = []
    for word in words[..<end] {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
        String.init)
      guard parts.count == 2, !parts[1].isEmpty else { throw Self.unknown(word) }
      switch parts[0] {
      case "user" where user == nil: user = try Self.credentials(parts[1], word)
      case "write": rules.readWrite.append(parts[1])
      case "read": rules.readOnly.append(parts[1])
      case "execute": rules.executable.append(parts[1])
      case "limit":
        let (limit, value) = try Self.limit(parts[1], word)
        rules.limits[limit] = value
      case "calls" where rules.systemCalls == nil:
        rules.systemCalls = parts[1].split(separator: ",").map(String.init)
      case "close" where closing == nil: closing = try Self.descriptor(parts[1], word)
      case "environment": environment.append(parts[1])
      default: throw Self.unknown(word)
      }
    }
    guard let user else { throw Fault("the start helper needs a user") }
    rules.user = user
    self.rules = rules
    program = words[end + 1]
    arguments = Array(words[(end + 2)...])
  }

  private static func descriptor(_ text: String, _ word: String) throws(Fault) -> Int {
    guard let number = UInt8(text), number > 2 else { throw unknown(word) }
    return Int(number)
  }

  private static func credentials(_ text: String, _ word: String) throws(Fault) -> Credentials {
    let numbers = text.split(separator: ":").compactMap { UInt32($0) }
    guard numbers.count == 2 else { throw unknown(word) }
    return Credentials(uid: numbers[0], gid: numbers[1])
  }

  private static func limit(_ text: String, _ word: String) throws(Fault) -> (ResourceLimit, UInt64) {
    let parts = text.split(separator: ":").map(String.init)
    guard parts.count == 2, let limit = ResourceLimit(rawValue: parts[0]), let value = UInt64(parts[1])
    else { throw unknown(word) }
    return (limit, value)
  }

  private static func unknown(_ word: String) -> Fault {
    Fault("the start helper does not understand \(word)")
  }
}
