// The UKI: kernel, initramfs and command line in one EFI program (UAPI specification 5, Unified Kernel Image).
import Kernel

/// The contents of a UKI: one kernel and one initramfs with two command lines. The boot loader shows two entries,
/// scan and rescue, which share the try counter of the file.
///
/// The rescue entry has an IMAGE_ID of its own, which sorts it after the scan entry: systemd-boot 257 ignores the
/// profile when it sorts entries that have a try counter.
struct UnifiedKernelImage {
  let kernel: String
  let initramfs: String
  let commandLine: String
  let rescueCommandLine: String
  let osRelease: String
  let release: String
  /// The paths of systemd's stubs: the one for a UKI, and the one for a profile.
  let stub: String
  let profileStub: String
  /// The path of systemd's ukify(1).
  let ukify: String
  let epoch: Int

  func build(to path: String) throws {
    let scratch = try TemporaryDirectory()
    defer { scratch.remove() }
    func text(_ name: String, _ text: String) throws -> String {
      try Output.write(text, to: scratch.path(name))
      return "@\(scratch.path(name))"
    }
    try run([
      "--stub=\(profileStub)", "--profile=\(try text("rescue", "ID=rescue\nTITLE=rescue\n"))",
      "--cmdline=\(try text("rescue-cmdline", rescueCommandLine))",
      "--os-release=\(try text("rescue-os-release", rescueRelease))",
      "--output=\(scratch.path("rescue.efi"))",
    ])
    try run([
      "--stub=\(stub)", "--linux=\(kernel)", "--initrd=\(initramfs)", "--uname=\(release)",
      "--cmdline=\(try text("cmdline", commandLine))",
      "--os-release=\(try text("os-release", osRelease))",
      "--profile=\(try text("scan", "ID=scan\n"))", "--join-profile=\(scratch.path("rescue.efi"))",
      "--output=\(path)",
    ])
  }

  private var rescueRelease: String {
    osRelease.replacing("IMAGE_ID=synbox\n", with: "IMAGE_ID=synbox-rescue\n")
  }

  private func run(_ options: [String]) throws {
    // Debian's Python finds Debian's pefile. -I and --config keep the settings of this machine out.
    var tool = Tool(
      "/usr/bin/python3", ["-B", "-I", ukify, "build", "--config=/dev/null"] + options)
    tool.environment["SOURCE_DATE_EPOCH"] = String(epoch)
    try tool.run()
  }
}

/// The kernel's command line.
enum KernelCommandLine {
  /// Returns the command line. The kernel passes everything after `--` to PID 1.
  static func text(consoles: [String], init arguments: String) -> String {
    // printk.devkmsg: do not rate-limit the scanner's log. gpt: accept the alternate partition table if the primary one is
    // damaged. panic: reboot 5 s after a panic. lockdown and sig_enforce: keep user space out of kernel memory, and load
    // only modules with Debian's signature.
    let settings =
      consoles.map { "console=\($0)" } + [
        "quiet", "printk.devkmsg=on", "gpt", "panic=5", "lockdown=integrity", "module.sig_enforce=1",
      ]
    return (settings + ["--", arguments]).joined(separator: " ")
  }
}
