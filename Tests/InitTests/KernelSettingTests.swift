// The kernel's settings, on files in the place of /proc/sys. That a kernel takes them is shown by the boot tests.
import Foundation
import Init
import Kernel
import LabSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct `Kernel settings` {
  /// A directory with files of these values.
  private func root(_ values: [String: String]) throws -> String {
    let root = try Lab.temporaryDirectory()
    for (path, value) in values {
      let file = URL(fileURLWithPath: "\(root)/\(path)")
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data("\(value)\n".utf8).write(to: file)
    }
    return root
  }

  @Test func `are all set where the kernel has them`() throws {
    let all = KernelSetting.hardening + KernelSetting.hardening(of: "scan0")
    let root = try root(Dictionary(all.map { ($0.path, "9") }, uniquingKeysWith: { $1 }))
    let (inForce, faults) = KernelSetting.apply(all, in: root)
    #expect(inForce == all.count && faults.isEmpty, "\(faults)")
    for setting in all {
      let text = try String(contentsOfFile: "\(root)/\(setting.path)", encoding: .utf8)
      #expect(text.hasPrefix(setting.value), "\(setting.path)")
    }
  }

  @Test func `are no fault where the kernel lacks what they restrict`() throws {
    let (inForce, faults) = KernelSetting.apply(
      KernelSetting.hardening, in: try root(["kernel/sysrq": "4"]))
    #expect(inForce == 1 && faults.isEmpty)
  }

  @Test func `are read back: one that keeps its value is a fault, and the others are set all the same`()
    throws
  {
    let root = try root(["kernel/sysrq": "4", "kernel/dmesg_restrict": "0"])
    // Takes everything and stays empty.
    try FileManager.default.createSymbolicLink(
      atPath: "\(root)/kernel/kptr_restrict", withDestinationPath: "/dev/null")
    // Takes nothing.
    try FileManager.default.createDirectory(
      atPath: "\(root)/kernel/panic_on_oops", withIntermediateDirectories: true)
    let (inForce, faults) = KernelSetting.apply(KernelSetting.hardening, in: root)
    #expect(inForce == 2)
    #expect(
      Set(faults.map(\.what)) == [
        "cannot set kernel/kptr_restrict to 2", "cannot set kernel/panic_on_oops to 1",
      ])
  }

  @Test func `include what an attacker on the link or on the console would use`() {
    let paths = Set(KernelSetting.hardening.map(\.path))
    for path in [
      "kernel/sysrq", "kernel/kexec_load_disabled", "kernel/kptr_restrict", "kernel/dmesg_restrict",
      "kernel/unprivileged_bpf_disabled", "net/ipv4/conf/default/accept_redirects",
      "net/ipv6/conf/default/disable_ipv6",
    ] {
      #expect(paths.contains(path))
    }
    #expect(
      KernelSetting.hardening(of: "scan0").contains { $0.path == "net/ipv6/conf/scan0/disable_ipv6" })
    #expect(KernelSetting.modulesDisabled.path == "kernel/modules_disabled")
  }
}
