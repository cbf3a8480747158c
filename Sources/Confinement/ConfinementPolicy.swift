// What a confinement is asked to be.
import Kernel

/// What the process may still reach after the drop, and as whom.
public struct ConfinementPolicy: Sendable {
  /// What is done with system calls outside the list.
  public enum SystemCalls: Sendable {
    /// Refused or fatal, as `SystemCallTable` says.
    case enforced
    /// Allowed and logged by the kernel: for finding out, in development, what the list lacks.
    case logged
    /// No filter. For tests only.
    case unfiltered
  }

  /// What it means where the kernel does not give what is wanted.
  public enum Need: Sendable {
    /// A Fault.
    case required
    /// Reported as missing.
    case wanted
    /// Not asked for. For tests only.
    case unused
  }

  /// Directories, or files, that may be read and changed: the data directory, where results go.
  public var readWrite: [String]
  /// Directories, or files, that may be read, besides this process's own in /proc. Not `/`: that confines
  /// nothing, and the proof, which tries to list it, fails.
  public var readOnly: [String]
  /// Whom to become before the capabilities go; nil to stay who we are.
  public var become: Credentials?
  public var systemCalls: SystemCalls
  public var landlock: Need
  /// That no memory is ever written to swap.
  public var lockedMemory: Need

  public init(
    readWrite: [String] = [], readOnly: [String] = [], become: Credentials? = nil,
    systemCalls: SystemCalls = .enforced, landlock: Need = .wanted, lockedMemory: Need = .wanted
  ) {
    self.readWrite = readWrite
    self.readOnly = readOnly
    self.become = become
    self.systemCalls = systemCalls
    self.landlock = landlock
    self.lockedMemory = lockedMemory
  }
}

/// Steps that a test leaves out, to see that the proof notices. Nothing outside this package can.
package struct Omissions: OptionSet, Sendable {
  package let rawValue: Int
  package init(rawValue: Int) { self.rawValue = rawValue }

  package static let capabilities = Omissions(rawValue: 1)
  package static let statusProof = Omissions(rawValue: 2)
  package static let systemCallFilter = Omissions(rawValue: 4)
  package static let landlock = Omissions(rawValue: 8)
  package static let user = Omissions(rawValue: 16)
}
