// Kernel, initramfs and command line in one EFI program (UAPI specification 5, Unified Kernel Image).
import Kernel

/// What goes into a UKI: one kernel and initramfs with two command lines, which the boot loader shows as two
/// entries of one file. So each version brings its own rescue entry, for the size of its text, and both have the
/// version's try counter.
///
/// systemd-boot 257 forgets the profile in the name of an entry that has a counter, and then has the rescue entry
/// first. So that goes by an IMAGE_ID of its own, behind the other's: it is what entries are sorted by.
struct UnifiedKernelImage {
  let kernel: String
  let initramfs: String
  let commandLine: String
  let rescueCommandLine: String
  let osRelease: String
  let release: String
  /// systemd's stub for a UKI, and the one for a profile of its own, out of their package.
  let stub: String
  let profileStub: String
  /// systemd's program, out of its package.
  let ukify: String
  let epoch: Int

  func build(to path: String) throws {
    let scratch = try Scratch()
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
    // Debian's Python, which finds Debian's pefile; no settings of this machine's.
    var tool = Tool(
      "/usr/bin/python3", ["-B", "-I", ukify, "build", "--config=/dev/null"] + options)
    tool.environment["SOURCE_DATE_EPOCH"] = String(epoch)
    try tool.run()
  }
}

/// The kernel's command line.
enum CommandLine {
  /// What stands behind `--` becomes the arguments of PID 1.
  static func text(consoles: [String], init arguments: String) -> String {
    // The kernel drops no line of the scanner's log for its rate, takes the second partition table
    // where the first was cut off, starts again 5 s after a panic, loads no
    // module but Debian's own, and lets nobody in user space into its memory.
    let settings =
      consoles.map { "console=\($0)" } + [
        "quiet", "printk.devkmsg=on", "gpt", "panic=5", "lockdown=integrity", "module.sig_enforce=1",
      ]
    return (settings + ["--", arguments]).joined(separator: " ")
  }
}
