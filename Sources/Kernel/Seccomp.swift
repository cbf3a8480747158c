// seccomp: which system calls this process may still make (seccomp(2)), through libseccomp.
import CLinux

/// A seccomp filter under construction, for the machine's own architecture; calls of any other kill.
@safe public struct SeccompFilter: ~Copyable {
  /// What the kernel does with a call.
  public enum Action: Hashable, Sendable {
    case allow
    /// Refused: the call returns this error.
    case refuse(Errno)
    /// The whole process dies by SIGSYS.
    case killProcess
    /// Allowed, and written to the kernel's log with the call's number.
    case log
  }

  /// A condition on one of a call's arguments, counted from 0.
  public enum Argument: Hashable, Sendable {
    case equals(Int, UInt64)
    /// All bits of the mask are set, or all are clear.
    case has(Int, UInt64)
    case lacks(Int, UInt64)
    /// The bits of the first number, a mask, are those of the second.
    case masked(Int, UInt64, UInt64)

    /// Whether it holds for a call with these arguments; one that is missing is 0.
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

  public init(otherwise action: Action) throws(Fault) {
    guard let context = unsafe seccomp_init(action.number) else {
      throw Fault("cannot allocate a seccomp filter")
    }
    // no_new_privs is set beforehand.
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

  /// Adds a rule; it holds when all of `arguments` do. Several rules for one call are alternatives.
  ///
  /// A name that other architectures have and this one lacks is left out, as there is nothing to filter.
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

  /// Puts a call where the filter finds it early.
  ///
  /// - Parameter priority: the higher, the earlier.
  public borrowing func prefer(_ name: String, priority: UInt8) throws(Fault) {
    let number = unsafe seccomp_syscall_resolve_name(name)
    try check(
      unsafe seccomp_syscall_priority(context, number, priority), "order the seccomp filter for \(name)"
    )
  }

  /// Puts the filter in force for the calling thread and all it starts. Needs no_new_privs.
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
