// What lies on the ESP.
import Kernel

/// systemd-boot, its settings, this version's UKI with a try counter, and the rescue UKI.
struct BootFiles {
  let plan: BuildPlan
  let packages: UnpackedPackages
  let identity: Identity

  /// How often a version is tried before the boot loader takes another.
  static let tries = 3

  /// Paths on the ESP. The counter's form is the Boot Loader Specification's.
  var version: String { "EFI/Linux/synbox_\(identity.version)+\(Self.tries).efi" }
  let rescue = "EFI/Linux/synbox-rescue.efi"
  private var loader: String { "EFI/BOOT/\(plan.profile.architecture.fallbackLoader)" }
  private let settings = "loader/loader.conf"

  /// At once, nothing to edit, and no key that leads into the firmware's menus.
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
    func image(init arguments: String, osRelease: String) -> UnifiedKernelImage {
      UnifiedKernelImage(
        kernel: kernel, initramfs: initramfs,
        commandLine: CommandLine.text(consoles: plan.site.consoles, init: arguments),
        osRelease: osRelease, release: plan.lock.kernel, stub: packages.stub, ukify: packages.ukify)
    }
    try image(init: "init", osRelease: identity.osRelease)
      .build(to: "\(esp)/\(version)", epoch: identity.epoch)
    try image(init: "init --rescue", osRelease: identity.rescueRelease)
      .build(to: "\(esp)/\(rescue)", epoch: identity.epoch)
  }

  /// Octets of what is there beside the UKIs.
  func loaderSizes(at esp: String) throws -> [Int] {
    try [loader, settings].map { try FileTree.size(of: "\(esp)/\($0)") }
  }
}

extension Identity {
  /// Sorts behind every version, so that it is taken only when none is left or somebody chooses it.
  var rescueRelease: String {
    osRelease.replacing("IMAGE_ID=synbox\n", with: "IMAGE_ID=synbox-rescue\n")
      .replacing("PRETTY_NAME=\"synbox \(version)\"", with: "PRETTY_NAME=\"synbox \(version), rescue\"")
  }
}
