// The settings of the kernel (sysctl(8)) of a machine that only scans: what nobody needs here is off. Each is set and read
// back.
import Kernel

/// One setting in /proc/sys.
public struct KernelSetting: Hashable, Sendable {
  /// Relative to /proc/sys.
  public let path: String
  public let value: String

  init(_ path: String, _ value: String) {
    self.path = path
    self.value = value
  }

  /// Those of the machine, and those of the network namespace of PID 1. Documentation/admin-guide/sysctl/ and
  /// Documentation/networking/ip-sysctl.rst describe each.
  public static let hardening =
    [
      // A kernel that has oopsed is better restarted.
      Self("kernel/panic_on_oops", "1"),
      // No keyboard or serial line commands the kernel, nothing replaces it, and it shows no addresses.
      Self("kernel/sysrq", "0"),
      Self("kernel/kexec_load_disabled", "1"),
      Self("kernel/kptr_restrict", "2"),
      Self("kernel/dmesg_restrict", "1"),
      Self("kernel/perf_event_paranoid", "3"),
      Self("kernel/randomize_va_space", "2"),
      // The scanner loads its BPF programs as root. Afterwards it reads maps and runs programs, which stays allowed.
      Self("kernel/unprivileged_bpf_disabled", "1"),
      Self("kernel/io_uring_disabled", "2"),
      Self("kernel/yama/ptrace_scope", "3"),
      Self("vm/unprivileged_userfaultfd", "0"),
      Self("user/max_user_namespaces", "0"),
      Self("dev/tty/ldisc_autoload", "0"),
      // Links and files of others in directories of all.
      Self("fs/protected_hardlinks", "1"),
      Self("fs/protected_symlinks", "1"),
      Self("fs/protected_fifos", "2"),
      Self("fs/protected_regular", "2"),
      Self("fs/suid_dumpable", "0"),
    ] + network

  /// Those of one network namespace. Before the first driver of a NIC is loaded, because an interface inherits the
  /// `default` settings when it appears in a namespace.
  public static let network =
    [
      // The box routes for nobody, and its routes are its own. First, because setting it resets others.
      Self("net/ipv4/ip_forward", "0"),
      Self("net/ipv4/icmp_echo_ignore_broadcasts", "1"),
    ]
    + ["all", "default"].flatMap { interface in
      [
        ("accept_redirects", "0"), ("secure_redirects", "0"), ("send_redirects", "0"),
        ("accept_source_route", "0"),
      ].map { Self("net/ipv4/conf/\(interface)/\($0)", $1) }
        + [("accept_redirects", "0"), ("accept_ra", "0")].map {
          Self("net/ipv6/conf/\(interface)/\($0)", $1)
        }
    } + [Self("net/ipv6/conf/default/disable_ipv6", "1")]

  /// For the scan NIC: what its `default` settings should have given it already. IPv6 is off, so that nobody reaches the
  /// box by it.
  public static func hardening(of interface: String) -> [Self] {
    [Self("net/ipv6/conf/\(interface)/disable_ipv6", "1")]
      + ["accept_redirects", "secure_redirects", "send_redirects", "accept_source_route"].map {
        Self("net/ipv4/conf/\(interface)/\($0)", "0")
      }
  }

  /// No further module can be loaded, until the machine restarts.
  public static let modulesDisabled = Self("kernel/modules_disabled", "1")

  /// Sets it and reads it back. Returns whether it is in force; false if this kernel does not have what it restricts.
  ///
  /// - Throws: a `Fault` if the kernel refuses it or shows another value.
  public func apply(in root: String = "/proc/sys") throws(Fault) -> Bool {
    let file = "\(root)/\(path)"
    guard Files.kind(of: file) != nil else { return false }
    let found: String
    do throws(Errno) {
      // Some cannot even be set to the value that they have.
      if try read(file) != value { try SmallFile.write(value, to: file) }
      found = try read(file)
    } catch {
      throw Fault("cannot set \(path) to \(value)", cause: error)
    }
    guard found == value else {
      throw Fault("cannot set \(path) to \(value)", detail: "it is \(found)")
    }
    return true
  }

  private func read(_ file: String) throws(Errno) -> String {
    let bytes = try SmallFile.read(file, limit: 4096)
    return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
  }

  /// Applies all, also after one that fails. Returns how many are in force, and what is wrong with the others.
  public static func apply(_ settings: [Self], in root: String = "/proc/sys") -> (
    inForce: Int, faults: [Fault]
  ) {
    var inForce = 0
    var faults: [Fault] = []
    for setting in settings {
      do throws(Fault) {
        if try setting.apply(in: root) { inForce += 1 }
      } catch {
        faults.append(error)
      }
    }
    return (inForce, faults)
  }
}
