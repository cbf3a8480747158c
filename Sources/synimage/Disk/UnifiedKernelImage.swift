// Kernel, initramfs and command line in one EFI program (UAPI specification 5, Unified Kernel Image).
import Kernel

/// What goes into a UKI.
struct UnifiedKernelImage {
  let kernel: String
  let initramfs: String
  let commandLine: String
  let osRelease: String
  let release: String
  let stub: String
  /// systemd's program, out of its package.
  let ukify: String

  func build(to path: String, epoch: Int) throws {
    let scratch = try Scratch()
    try Output.write(osRelease, to: scratch.path("os-release"))
    try Output.write(commandLine, to: scratch.path("cmdline"))
    var tool = Tool(
      // Debian's Python, which finds Debian's pefile; no settings of this machine's.
      "/usr/bin/python3",
      [
        "-B", "-I", ukify, "build", "--config=/dev/null", "--linux=\(kernel)",
        "--initrd=\(initramfs)", "--cmdline=@\(scratch.path("cmdline"))",
        "--os-release=@\(scratch.path("os-release"))", "--uname=\(release)", "--stub=\(stub)",
        "--output=\(path)",
      ])
    tool.environment["SOURCE_DATE_EPOCH"] = String(epoch)
    try tool.run()
  }
}

/// The kernel's command line.
enum CommandLine {
  /// What stands behind `--` becomes the arguments of PID 1.
  static func text(consoles: [String], init arguments: String) -> String {
    // The kernel starts again 5 s after a panic, loads no module but Debian's own, and lets nobody in user
    // space into its memory.
    let settings =
      consoles.map { "console=\($0)" } + [
        "quiet", "panic=5", "lockdown=integrity", "module.sig_enforce=1",
      ]
    return (settings + ["--", arguments]).joined(separator: " ")
  }
}
