// seccomp: the system calls that this process may make (seccomp(2)), by libseccomp.
import CLinux

/// A seccomp filter that is being built, for the machine's own architecture. A call of another architecture kills the
/// process.
@safe public struct SeccompFilter: ~Copyable {
  /// What the kernel does with a call.
  public enum Action: Hashable, Sendable {
    case allow
    /// The call fails with this error.
    case refuse(Errno)
    /// SIGSYS ends the process.
    case killProcess
    /// The call is allowed, and the kernel logs its number.
    case log
  }

  /// A condition on an argument of a call. Arguments are counted from 0.
  public enum Argument: Hashable, Sendable {
    case equals(Int, UInt64)
    /// All bits of the mask are set.
    case has(Int, UInt64)
    /// All bits of the mask are clear.
    case lacks(Int, UInt64)
    /// The argument's bits under the mask, the first number, equal the second.
    case masked(Int, UInt64, UInt64)

    /// Returns whether the condition holds for these arguments. Missing arguments are 0.
    public func holds(for arguments: [UInt64]) -> Bool {
      func value(_ index: Int) -> UInt64 { index < arguments.count ? arguments[index] : 0 }
      return switch self {
      case .equals(let index, let wanted): value(index) == wanted
      case .has(let index, let mask): value(index) & mask == mask
      case .lacks(let index, let mask): value(index) & mask == 0
      case .masked(let index, let mask, let wanted): value(index) & mask == wanted
      }
    }
  }

  private let context: scmp_filter_ctx

  /// Makes a filter with a default action, for calls that match no rule.
  public init(default action: Action) throws(Fault) {
    guard let context = unsafe seccomp_init(action.number) else {
      throw Fault("cannot allocate a seccomp filter")
    }
    // The caller sets no_new_privs.
    let noNewPrivileges = unsafe seccomp_attr_set(context, SCMP_FLTATR_CTL_NNP, 0)
    let badArchitecture = unsafe seccomp_attr_set(
      context, SCMP_FLTATR_ACT_BADARCH, UInt32(SCMP_ACT_KILL_PROCESS))
    guard noNewPrivileges == 0, badArchitecture == 0 else {
      unsafe seccomp_release(context)
      throw Fault(
        "cannot configure a seccomp filter", cause: Errno(max(-noNewPrivileges, -badArchitecture)))
    }
    unsafe self.context = unsafe context
  }

  deinit { unsafe seccomp_release(context) }

  /// Adds a rule, which matches if all of `arguments` hold. Several rules for one call are alternatives.
  ///
  /// Does nothing for a call that only other architectures have.
  public borrowing func add(_ action: Action, _ name: String, where arguments: [Argument] = [])
    throws(Fault)
  {
    let number = unsafe seccomp_syscall_resolve_name(name)
    // __NR_SCMP_ERROR; other negative numbers stand for calls of other architectures.
    guard number != -1 else { throw Fault("libseccomp knows no system call named \(name)") }
    let comparisons = arguments.map(\.comparison)
    try check(
      unsafe seccomp_rule_add_array(
        context, action.number, number, UInt32(comparisons.count), comparisons),
      "add a seccomp rule for \(name)")
  }

  /// Sets a call's priority in the filter. Calls with a higher one are compared earlier.
  public borrowing func setPriority(of name: String, to priority: UInt8) throws(Fault) {
    let number = unsafe seccomp_syscall_resolve_name(name)
    try check(
      unsafe seccomp_syscall_priority(context, number, priority),
      "set the priority of \(name) in the seccomp filter")
  }

  /// Applies the filter to the calling thread and all it starts. Needs no_new_privs.
  public consuming func load() throws(Fault) {
    try check(unsafe seccomp_load(context), "load the seccomp filter")
  }

  /// libseccomp returns errors as negative numbers.
  private borrowing func check(_ result: Int32, _ what: String) throws(Fault) {
    if result != 0 { throw Fault("cannot \(what)", cause: Errno(-result)) }
  }
}

extension SeccompFilter.Action {
  fileprivate var number: UInt32 {
    switch self {
    case .allow: UInt32(SCMP_ACT_ALLOW)
    case .refuse(let errno): clinux_seccomp_errno(UInt16(errno.number))
    case .killProcess: UInt32(SCMP_ACT_KILL_PROCESS)
    case .log: UInt32(SCMP_ACT_LOG)
    }
  }
}

extension SeccompFilter.Argument {
  fileprivate var comparison: scmp_arg_cmp {
    switch self {
    case .equals(let index, let value):
      scmp_arg_cmp(arg: UInt32(index), op: SCMP_CMP_EQ, datum_a: value, datum_b: 0)
    case .has(let index, let mask):
      scmp_arg_cmp(arg: UInt32(index), op: SCMP_CMP_MASKED_EQ, datum_a: mask, datum_b: mask)
    case .lacks(let index, let mask):
      scmp_arg_cmp(arg: UInt32(index), op: SCMP_CMP_MASKED_EQ, datum_a: mask, datum_b: 0)
    case .masked(let index, let mask, let value):
      scmp_arg_cmp(arg: UInt32(index), op: SCMP_CMP_MASKED_EQ, datum_a: mask, datum_b: value)
    }
  }
}
