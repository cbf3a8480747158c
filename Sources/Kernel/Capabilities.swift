// The calling thread's capabilities, by libcap: how to read them and how to drop them for good.
import CLinux

/// A set of Linux capabilities (capabilities(7)); bit n is capability n of linux/capability.h.
///
/// 64 bits, because CAP_PERFMON (38) and CAP_BPF (39) are in the second 32-bit word of the kernel's structure.
public struct CapabilitySet: OptionSet, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }

  init(bit: Int) { rawValue = 1 << UInt64(bit) }

  /// All capabilities that have a name.
  public static let allNamed = CapabilitySet(named.map(\.capability))

  /// The kernel's names, `CAP_NET_RAW+CAP_BPF`; `none`; `all`; `all but CAP_SYS_RESOURCE` if few are missing, as in a
  /// container. A bit without a name is shown as its number.
  public var description: String {
    if isEmpty { return "none" }
    let missing = Self.allNamed.subtracting(self)
    if missing.isEmpty && self == Self.allNamed { return "all" }
    if isSubset(of: Self.allNamed) && missing.rawValue.nonzeroBitCount <= 4 {
      return "all but \(missing)"
    }
    var names = Self.named.filter { contains($0.capability) }.map(\.name)
    for bit in Self.named.count..<64 where contains(CapabilitySet(bit: bit)) {
      names.append("capability \(bit)")
    }
    return names.joined(separator: "+")
  }

  /// Returns libcap's name of bit `number`, in lower case; nil if it has none.
  static func libcapName(ofBit number: Int32) -> String? {
    guard let name = unsafe cap_to_name(number) else { return nil }
    defer { _ = unsafe cap_free(name) }
    return unsafe String(cString: name)
  }
}

/// The three sets of a thread that capset(2) changes.
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

  /// Returns the calling thread's sets (cap_get_proc(3)).
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

  /// Sets the calling thread's sets (cap_set_proc(3)). Other threads keep theirs.
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

  /// Returns the calling thread's bounding set, which limits what execve(2) can gain.
  public static func bounding() -> CapabilitySet { collect { cap_get_bound($0) == 1 } }

  /// Returns the calling thread's ambient set, which survives execve(2) of an unprivileged file.
  public static func ambient() -> CapabilitySet { collect { cap_get_ambient($0) == 1 } }

  private static func collect(_ isMember: (cap_value_t) -> Bool) -> CapabilitySet {
    var set: CapabilitySet = []
    for bit in 0..<min(cap_max_bits(), 64) where isMember(bit) {
      set.insert(CapabilitySet(bit: Int(bit)))
    }
    return set
  }
}

// MARK: - Dropping

extension Capabilities {
  /// Drops all capabilities of the calling thread for good. Needs CAP_SETPCAP.
  public static func dropAll() throws(Fault) {
    try seal()
    try clear()
  }

  /// Prevents the calling thread from ever gaining a capability, while it keeps those it has: empties the ambient and
  /// bounding sets and locks the securebits, so that uid 0 gives no capabilities. Needs CAP_SETPCAP.
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

  /// Empties the calling thread's ambient, permitted, effective and inheritable sets. Needs no privilege.
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

  /// Tries all 64 bits, because the kernel may know more capabilities than the headers at build time. EINVAL means
  /// that the bit is past the kernel's last capability, unless we know that capability.
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
