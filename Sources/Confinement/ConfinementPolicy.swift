// The settings of the drop.
import Kernel

/// What the process may do after the drop, and as which user.
public struct ConfinementPolicy: Sendable {
  /// What happens to system calls that are not on the list.
  public enum SystemCalls: Sendable {
    /// They are refused or end the process (`SystemCallTable`).
    case enforced
    /// They are allowed, and the kernel logs them. For development, to find calls that the list lacks.
    case logged
    /// There is no filter: for a process that another filter follows (`StartRules`), and for tests.
    case unfiltered
  }

  /// What happens if the kernel does not provide something.
  public enum Requirement: Sendable {
    /// The drop throws a `Fault`.
    case required
    /// The report lists it as missing.
    case wanted
    /// Nothing: it is not requested. For tests only.
    case unused
  }

  /// Files, and directories with all beneath them, that may be read and changed, such as the data directory.
  public var readWrite: [String]
  /// Files, and directories with all beneath them, that may be read. This process's /proc/PID is always among them.
  /// Do not use `/`: the proof tries to open it, and fails if that is allowed.
  public var readOnly: [String]
  /// Directories in which files may be created, and those into which files may also be moved. None of their files can be
  /// changed or removed.
  public var createOnly: [String]
  public var receiveOnly: [String]
  /// Programs and libraries, and directories with all beneath them, that may be read and started. The scanner starts
  /// none.
  public var executable: [String]
  /// The ports to which TCP connections may be made.
  public var connectPorts: [UInt16]
  /// The descriptor of the rtnetlink socket, on which alone messages may be sent; nil for none. On another socket a
  /// message could name an interface that the process has nothing to do with.
  public var messageSocket: Int32?
  /// The user and group to run as; nil to keep the present ones.
  public var user: Credentials?
  public var systemCalls: SystemCalls
  /// The list of system calls, for the process with this ID.
  public var table: @Sendable (Int32) -> [SystemCallRule]
  public var landlock: Requirement
  /// Whether all memory must be locked, so that none is written to swap.
  public var lockedMemory: Requirement

  public init(
    readWrite: [String] = [], readOnly: [String] = [], createOnly: [String] = [],
    receiveOnly: [String] = [], executable: [String] = [], connectPorts: [UInt16] = [],
    messageSocket: Int32? = nil, user: Credentials? = nil, systemCalls: SystemCalls = .enforced,
    table: @escaping @Sendable (Int32) -> [SystemCallRule] = {
      SystemCallTable.rules(inProcess: $0)
    },
    landlock: Requirement = .wanted,
    lockedMemory: Requirement = .wanted
  ) {
    self.readWrite = readWrite
    self.readOnly = readOnly
    self.createOnly = createOnly
    self.receiveOnly = receiveOnly
    self.executable = executable
    self.connectPorts = connectPorts
    self.messageSocket = messageSocket
    self.user = user
    self.systemCalls = systemCalls
    self.table = table
    self.landlock = landlock
    self.lockedMemory = lockedMemory
  }
}

/// Steps that tests omit, to see that the proof notices.
package struct Omissions: OptionSet, Sendable {
  package let rawValue: Int
  package init(rawValue: Int) { self.rawValue = rawValue }

  package static let capabilities = Omissions(rawValue: 1)
  package static let statusProof = Omissions(rawValue: 2)
  package static let systemCallFilter = Omissions(rawValue: 4)
  package static let landlock = Omissions(rawValue: 8)
  package static let user = Omissions(rawValue: 16)
}
