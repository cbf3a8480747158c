// `synimage build`: profile and site become a disk image.
import ArgumentParser
import Foundation
import Init
import Kernel

struct BuildCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "build", abstract: "Build the disk image, as an ordinary user.")

  @Option(help: "The directory with profiles, sites, packages.lock and layout.toml.")
  var data = "image"
  @Option(help: "What hardware: a name below profiles/, or a path.")
  var profile = "all"
  @Option(help: "What the box is told: a name below sites/, or a path.")
  var site = "lab"
  @Option(help: "The box's program: static, stripped.")
  var program: String
  @Option(help: "The image's number; the boot loader prefers the greatest.")
  var version: Int
  @Option(help: "What the source is at.")
  var revision: String
  @Option(help: "The time that everything bears, in seconds since 1970.")
  var epoch: Int
  @Option(help: "Where packages are kept.")
  var cache = "build/cache/packages"
  @Option(help: "SwiftPM's record of the packages that the program was built with.")
  var swiftPackages = ".build/workspace-state.json"
  @Option(
    help: "Where to put it: synbox.img, what belongs to it, and image/ for boots without firmware.")
  var output = "build"

  func validate() throws {
    guard version > 0 else { throw ValidationError("--version: expected a number from 1") }
    // FAT knows no earlier year.
    guard epoch >= 315_532_800 else { throw ValidationError("--epoch: expected a time after 1980") }
  }

  /// The phases in order. Nothing is put into its place before all is done.
  func run() throws {
    // 1. What can be wrong without a package: profile, site, program, layout, lock.
    let plan = try BuildPlan(self)
    Terminal.output(plan.text)
    // 2. Packages, from the cache or the mirror.
    try Output.directory(output)
    let scratch = try Scratch(in: output)
    defer { scratch.remove() }
    let packages = try UnpackedPackages(plan, in: scratch.path("packages"))
    // 3. The root file system, and the archive that the kernel unpacks it from.
    let identity = Identity(version: version, revision: revision, epoch: epoch)
    let root = try assembleRoot(plan, packages, identity, at: scratch.path("root"))
    let parts = BuildParts(scratch)
    try Initramfs.pack(root.root, to: parts.initramfs)
    try Output.copy(packages.kernel, to: parts.kernel)
    // 4. The ESP, and the disk around it.
    try assembleESP(plan, packages, identity, parts)
    let identifiers = DiskIdentifiers(
      profile: plan.profile.name, site: plan.site.name, version: version)
    let disk = DiskImage(layout: plan.layout, identifiers: identifiers, epoch: epoch)
    try disk.build(esp: parts.esp, to: parts.image)
    // 5. What it is made of.
    let manifest = try Manifest(plan, identity, parts, root: root.root)
    try manifest.write(to: parts.manifest)
    try BillOfMaterials(plan, identity, swiftPackages: swiftPackages).write(to: parts.sbom)
    try parts.finish(in: output)
    Terminal.output(manifest.sizes)
  }

  private func assembleRoot(
    _ plan: BuildPlan, _ packages: UnpackedPackages, _ identity: Identity, at path: String
  ) throws -> RootTree {
    let release = plan.lock.kernel
    try KernelImage.check(packages.kernel, release: release, for: plan.profile.architecture)
    let tree = try ModuleTree(root: packages.modules, base: packages.base, release: release)
    let set = try ModuleSet(of: plan.profile.modules, from: tree, profile: plan.profile.file)
    let firmware = try Firmware(for: set, from: packages.firmware)
    let root = try RootTree(at: path, release: release)
    try root.add(program: program)
    try root.add(plan.site, always: plan.profile.always, identity: identity)
    try root.add(set, from: tree, base: packages.base, architecture: plan.profile.architecture)
    try root.add(firmware)
    try root.settle(epoch: epoch)
    return root
  }

  private func assembleESP(
    _ plan: BuildPlan, _ packages: UnpackedPackages, _ identity: Identity, _ parts: BuildParts
  ) throws {
    let boot = BootFiles(plan: plan, packages: packages, identity: identity)
    try boot.assemble(at: parts.esp, kernel: parts.kernel, initramfs: parts.initramfs)
    try DiskImage.checkSpace(
      files: boot.loaderSizes(at: parts.esp),
      version: FileTree.size(of: "\(parts.esp)/\(boot.version)"), layout: plan.layout)
  }
}

/// Everything that a build is told, read and checked.
struct BuildPlan {
  let data: ImageData
  let profile: ImageProfile
  let site: Site
  let layout: DiskLayout
  let lock: PackageLock
  let cache: PackageCache
  let program: String
  let version: Int
  let revision: String

  init(_ command: BuildCommand) throws {
    data = ImageData(root: command.data)
    profile = try ImageProfile(name: command.profile, data: data)
    layout = try DiskLayout(file: data.layout)
    lock = try PackageLock(path: data.lock)
    program = command.program
    // First the program: it is what the site is checked with.
    try BoxProgram.check(program, for: profile.architecture)
    site = try Site(directory: data.site(command.site), program: program)
    cache = PackageCache(directory: command.cache)
    version = command.version
    revision = command.revision
    if let driver = site.box.interface.driver, !profile.has(driver: driver) {
      throw Refusal(
        "\(site.directory)/box.toml", found: "the driver \(driver)",
        expected: "one of the profile's: \(profile.drivers.joined(separator: ", "))")
    }
    for name in packageNames {
      let package = try lock.package(name)
      guard [profile.architecture.rawValue, "all"].contains(package.architecture) else {
        throw Refusal(
          lock.path, found: "\(name) for \(package.architecture)",
          expected: "one for \(profile.architecture.rawValue)")
      }
    }
  }

  static let loader = "systemd-boot-efi"
  static let ukify = "systemd-ukify"

  /// The packages that this image takes something from.
  var packageNames: [String] {
    let kernel = lock.kernelPackages
    return [kernel.binary, kernel.modules, kernel.base, Self.loader, Self.ukify] + profile.firmware
  }

  var text: String {
    """
    image     synbox \(version), source \(revision)
    profile   \(profile.file): \(profile.drivers.joined(separator: ", ")), for \(profile.architecture.rawValue)
    site      \(site.directory): \(site.box.name), scan NIC \(site.box.interface.name)
    kernel    Linux \(lock.kernel)
    at boot   \(profile.always.joined(separator: ", "))
    by need   \(profile.available.joined(separator: ", "))
    consoles  \(site.consoles.joined(separator: ", "))
    disk      ESP \(layout.esp >> 20) MiB, data \(layout.data >> 20) MiB, which grows

    """
  }
}

/// The packages, each in a directory of its own.
struct UnpackedPackages {
  private let roots: [String: String]
  private let plan: BuildPlan

  init(_ plan: BuildPlan, in directory: String) throws {
    self.plan = plan
    var roots: [String: String] = [:]
    for name in plan.packageNames {
      roots[name] = try plan.cache.unpack(plan.lock.package(name), into: directory)
    }
    self.roots = roots
    for file in [kernel, modules, "\(base)/modules.builtin", loader, stub, profileStub, ukify]
    where !FileManager.default.fileExists(atPath: file) {
      throw Fault("a package has no \(file)", remedy: "Debian has moved it: the builder must follow")
    }
  }

  private func root(_ name: String) -> String { roots[name] ?? "" }
  private var moduleHome: String { "usr/lib/modules/\(plan.lock.kernel)" }

  var kernel: String { "\(root(plan.lock.kernelPackages.binary))/\(moduleHome)/vmlinuz" }
  /// lib/modules/RELEASE with the modules.
  var modules: String { "\(root(plan.lock.kernelPackages.modules))/\(moduleHome)" }
  /// lib/modules/RELEASE with what depmod must know.
  var base: String { "\(root(plan.lock.kernelPackages.base))/\(moduleHome)" }
  private var efi: String { "\(root(BuildPlan.loader))/usr/lib/systemd/boot/efi" }
  var loader: String { "\(efi)/\(plan.profile.architecture.loader)" }
  var stub: String { "\(efi)/\(plan.profile.architecture.stub)" }
  var profileStub: String { "\(efi)/\(plan.profile.architecture.profileStub)" }
  var ukify: String { "\(root(BuildPlan.ukify))/usr/bin/ukify" }
  var firmware: [(name: String, root: String)] { plan.profile.firmware.map { ($0, root($0)) } }
}
