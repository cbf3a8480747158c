// What a service may do that does not confine itself. The start helper applies it before it becomes the service.
import Kernel

/// The confinement of a service from its first instruction on.
public struct StartRules: Hashable, Sendable {
  /// Not root.
  public var user: Credentials
  /// Files, and directories with all beneath them, by what the service may do with them.
  public var readWrite: [String]
  public var readOnly: [String]
  /// The program, and the libraries that its loader maps.
  public var executable: [String]
  public var limits: [ResourceLimit: UInt64]
  /// The names of the only system calls that are allowed, beside execve(2), which starts the program, and brk(2), which
  /// allocates its arguments; any other ends the service. Nil installs no filter.
  public var systemCalls: [String]?

  public init(
    user: Credentials, readWrite: [String] = [], readOnly: [String] = [], executable: [String],
    limits: [ResourceLimit: UInt64] = [:], systemCalls: [String]? = nil
  ) {
    self.user = user
    self.readWrite = readWrite
    self.readOnly = readOnly
    self.executable = executable
    self.limits = limits
    self.systemCalls = systemCalls
  }

  /// Confines this process for good, and proves it. Nothing is left out: a kernel without Landlock is an error.
  ///
  /// - Throws: a `Fault` if anything fails or a privilege remains; end the process then.
  func apply() throws(Fault) {
    guard user.uid != 0, user.gid != 0 else {
      throw Fault("a service must not run as \(user)", remedy: "Give it a user that is not root")
    }
    // Before the user changes, because a service may not raise its own limits.
    for (limit, value) in limits.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      try limit.set(value)
    }
    _ = try Confinement.drop(
      ConfinementPolicy(
        readWrite: readWrite, readOnly: readOnly, executable: executable, user: user,
        systemCalls: .unfiltered, landlock: .required, lockedMemory: .unused))
    guard let systemCalls else { return }
    let filter = try SeccompFilter(default: .killProcess)
    for name in systemCalls + ["brk", "execve"] { try filter.add(.allow, name) }
    try filter.load()
  }
}
