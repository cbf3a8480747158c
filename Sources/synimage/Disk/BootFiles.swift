// What lies on the ESP.
import Kernel

/// systemd-boot, its settings, and this version's UKI with a try counter.
struct BootFiles {
  let plan: BuildPlan
  let packages: UnpackedPackages
  let identity: Identity

  /// How often a version is tried before the boot loader takes another.
  static let tries = 3

  /// Paths on the ESP. The counter's form is the Boot Loader Specification's.
  var version: String { "EFI/Linux/synbox_\(identity.version)+\(Self.tries).efi" }
  private var loader: String { "EFI/BOOT/\(plan.profile.architecture.fallbackLoader)" }
  private let settings = "loader/loader.conf"

  /// At once, nothing to edit, and no key that leads into the firmware's menus. No default either: the first entry
  /// is that of the newest version with tries left.
  private static let settingsText = """
    timeout 0
    editor no
    auto-entries no
    auto-firmware no

    """

  func assemble(at esp: String, kernel: String, initramfs: String) throws {
    try Output.copy(packages.loader, to: "\(esp)/\(loader)")
    try Output.write(Self.settingsText, to: "\(esp)/\(settings)")
    try Output.directory("\(esp)/EFI/Linux")
    func commandLine(_ arguments: String) -> String {
      CommandLine.text(consoles: plan.site.consoles, init: arguments)
    }
    try UnifiedKernelImage(
      kernel: kernel, initramfs: initramfs, commandLine: commandLine("init"),
      rescueCommandLine: commandLine("init --rescue"), osRelease: identity.osRelease,
      release: plan.lock.kernel, stub: packages.stub, profileStub: packages.profileStub,
      ukify: packages.ukify, epoch: identity.epoch
    ).build(to: "\(esp)/\(version)")
  }

  /// Bytes of what is there beside the UKI.
  func loaderSizes(at esp: String) throws -> [Int] {
    try [loader, settings].map { try FileTree.size(of: "\(esp)/\($0)") }
  }
}
