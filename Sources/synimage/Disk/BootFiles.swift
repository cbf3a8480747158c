// The files on the ESP.
import Kernel

/// systemd-boot, its configuration, and the UKI of this version with a try counter.
struct BootFiles {
  let plan: BuildPlan
  let packages: UnpackedPackages
  let identity: Identity

  /// The tries of a version before the boot loader prefers another (boot counting).
  static let tries = 3

  /// Paths on the ESP. The Boot Loader Specification defines the form of the counter.
  var version: String { "EFI/Linux/synbox_\(identity.version)+\(Self.tries).efi" }
  private var loader: String { "EFI/BOOT/\(plan.profile.architecture.fallbackLoader)" }
  private let settings = "loader/loader.conf"

  /// Boots without a menu, and lets nobody edit the command line or enter the firmware setup. There is no default entry,
  /// because the boot loader lists the newest version with tries left first.
  private static let settingsText = """
    timeout 0
    editor no
    auto-entries no
    auto-firmware no

    """

  func assemble(at esp: String, kernel: String, initramfs: String) throws {
    try Output.copy(packages.loader, to: "\(esp)/\(loader)")
    try Output.write(Self.settingsText, to: "\(esp)/\(settings)")
    try Output.makeDirectory("\(esp)/EFI/Linux")
    func commandLine(_ arguments: String) -> String {
      KernelCommandLine.text(consoles: plan.site.consoles, init: arguments)
    }
    try UnifiedKernelImage(
      kernel: kernel, initramfs: initramfs, commandLine: commandLine("init"),
      rescueCommandLine: commandLine("init --rescue"), osRelease: identity.osRelease,
      release: plan.lock.kernel, stub: packages.stub, profileStub: packages.profileStub,
      ukify: packages.ukify, epoch: identity.epoch
    ).build(to: "\(esp)/\(version)")
  }

  /// The sizes of the files beside the UKI, in bytes.
  func loaderSizes(at esp: String) throws -> [Int] {
    try [loader, settings].map { try FileTree.size(of: "\(esp)/\($0)") }
  }
}
