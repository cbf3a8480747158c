// Capabilities of the calling thread, through libcap: reading them, and giving them up for good.
import CLinux

/// A set of Linux capabilities (capabilities(7)); bit n is capability n of linux/capability.h.
///
/// All 64 bits are kept: CAP_PERFMON (38) and CAP_BPF (39) lie in the second 32-bit word of the kernel's
/// structure.
public struct CapabilitySet: OptionSet, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }

  init(bit: Int) { rawValue = 1 << UInt64(bit) }

  /// Those that have a name.
  public static let everyNamed = CapabilitySet(named.map(\.capability))

  /// The kernel's names, `CAP_NET_RAW+CAP_BPF`; `none` and `all`; `all but CAP_SYS_RESOURCE` when few are
  /// missing, as in a container; a number for a bit without name.
  public var description: String {
    if isEmpty { return "none" }
    let missing = Self.everyNamed.subtracting(self)
    if missing.isEmpty && self == Self.everyNamed { return "all" }
    if isSubset(of: Self.everyNamed) && missing.rawValue.nonzeroBitCount <= 4 {
      return "all but \(missing)"
    }
    var names = Self.named.filter { contains($0.capability) }.map(\.name)
    for bit in Self.named.count..<64 where contains(CapabilitySet(bit: bit)) {
      names.append("capability \(bit)")
    }
    return names.joined(separator: "+")
  }

  /// The name that libcap gives to bit `number`, in lower case; nil when it knows none.
  static func libcapName(ofBit number: Int32) -> String? {
    guard let name = unsafe cap_to_name(number) else { return nil }
    defer { _ = unsafe cap_free(name) }
    return unsafe String(cString: name)
  }
}

/// The three sets that capset(2) changes, of one thread.
public struct Capabilities: Hashable, Sendable {
  public var permitted: CapabilitySet
  public var effective: CapabilitySet
  public var inheritable: CapabilitySet

  public init(
    permitted: CapabilitySet = [], effective: CapabilitySet = [], inheritable: CapabilitySet = []
  ) {
    self.permitted = permitted
    self.effective = effective
    self.inheritable = inheritable
  }

  /// The calling thread's sets (cap_get_proc(3)).
  public static func current() throws(Fault) -> Capabilities {
    guard let state = unsafe cap_get_proc() else {
      throw Fault("cannot read the capabilities of this thread", cause: .last)
    }
    defer { _ = unsafe cap_free(UnsafeMutableRawPointer(state)) }
    func read(_ flag: cap_flag_t) -> CapabilitySet {
      collect { bit in
        var value = CAP_CLEAR
        return unsafe cap_get_flag(state, bit, flag, &value) == 0 && value == CAP_SET
      }
    }
    return Capabilities(
      permitted: read(CAP_PERMITTED), effective: read(CAP_EFFECTIVE),
      inheritable: read(CAP_INHERITABLE))
  }

  /// Makes these the calling thread's sets (cap_set_proc(3)); other threads keep theirs.
  public func apply() throws(Fault) {
    guard let state = unsafe cap_init() else {
      throw Fault("cannot allocate a capability state", cause: .last)
    }
    defer { _ = unsafe cap_free(UnsafeMutableRawPointer(state)) }
    for (flag, set) in [
      (CAP_PERMITTED, permitted), (CAP_EFFECTIVE, effective), (CAP_INHERITABLE, inheritable),
    ] {
      let bits = (0..<Int32(64)).filter { set.contains(CapabilitySet(bit: Int($0))) }
      guard !bits.isEmpty else { continue }
      guard unsafe cap_set_flag(state, flag, Int32(bits.count), bits, CAP_SET) == 0 else {
        throw Fault("libcap does not know all of \(set)", cause: .last)
      }
    }
    do throws(Errno) {
      try syscall { unsafe cap_set_proc(state) }
    } catch {
      throw Fault("cannot set the capabilities of this thread to \(permitted)", cause: error)
    }
  }

  /// The calling thread's bounding set: what an execve(2) could ever gain.
  public static func bounding() -> CapabilitySet { collect { cap_get_bound($0) == 1 } }

  /// The calling thread's ambient set: what survives an execve(2) without a privileged file.
  public static func ambient() -> CapabilitySet { collect { cap_get_ambient($0) == 1 } }

  private static func collect(_ isMember: (cap_value_t) -> Bool) -> CapabilitySet {
    var set: CapabilitySet = []
    for bit in 0..<min(cap_max_bits(), 64) where isMember(bit) {
      set.insert(CapabilitySet(bit: Int(bit)))
    }
    return set
  }
}

// MARK: - Giving them up

extension Capabilities {
  /// Leaves the calling thread with nothing, and with no way to get anything back. Needs CAP_SETPCAP.
  public static func dropAll() throws(Fault) {
    try seal()
    try clear()
  }

  /// Closes the ways in which a capability could come back, while the present ones stay: the ambient and
  /// the bounding set are emptied, and locked securebits take the meaning out of uid 0. Needs CAP_SETPCAP.
  public static func seal() throws(Fault) {
    try raiseSetpcap()
    try clearAmbient()
    try dropBounding()
    do throws(Errno) {
      try syscall { cap_set_secbits(clinux_securebits_sealed) }
    } catch {
      throw Fault("cannot lock the securebits", cause: error)
    }
  }

  /// Empties the ambient, permitted, effective and inheritable sets of the calling thread. Needs nothing.
  public static func clear() throws(Fault) {
    try clearAmbient()
    try Capabilities().apply()
  }

  private static func raiseSetpcap() throws(Fault) {
    var now = try current()
    if now.effective.contains(.CAP_SETPCAP) { return }
    guard now.permitted.contains(.CAP_SETPCAP) else {
      throw Fault(
        "cannot empty the bounding set: CAP_SETPCAP is not permitted to this thread",
        remedy: "Start as root, or with CAP_SETPCAP among the capabilities")
    }
    now.effective.insert(.CAP_SETPCAP)
    try now.apply()
  }

  private static func clearAmbient() throws(Fault) {
    do throws(Errno) {
      try syscall { cap_reset_ambient() }
    } catch {
      throw Fault("cannot clear the ambient capabilities", cause: error)
    }
  }

  /// The kernel may know more capabilities than libcap and its headers did when this was built, so all
  /// 64 that a set can hold are tried. EINVAL says that a number is past the kernel's last one; below
  /// the last one that we know it would be a refusal like any other.
  private static func dropBounding() throws(Fault) {
    let known = max(cap_max_bits(), CAP_LAST_CAP + 1)
    for bit in 0..<Int32(64) {
      do throws(Errno) {
        try syscall { cap_drop_bound(bit) }
      } catch {
        if error.number == EINVAL && bit >= known { return }
        throw Fault(
          "cannot drop \(CapabilitySet(bit: Int(bit))) from the bounding set", cause: error,
          remedy: "This needs CAP_SETPCAP")
      }
    }
  }
}
