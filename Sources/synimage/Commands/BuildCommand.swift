// `synimage build`: builds a disk image from an image profile and a site.
import ArgumentParser
import Foundation
import Init
import Kernel
import Plan

struct BuildCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "build", abstract: "Build the disk image. Needs no root.")

  @Option(help: "Directory with profiles, sites, packages.lock and layout.toml.")
  var data = "image"
  @Option(help: "Image profile: a name below profiles/, or a path.")
  var profile = "all"
  @Option(help: "Site: a name below sites/, or a path.")
  var site = "lab"
  @Option(help: "The static, stripped synbox binary.")
  var program: String
  @Option(
    help: "The static, stripped synbox-manage binary; without it, the box has no management service.")
  var manage: String?
  @Option(help: "The static, stripped synbox-agent binary, for a site with agent.toml.")
  var agent: String?
  @Option(help: "Version number of the image; the boot loader prefers the greatest.")
  var version: Int
  @Option(help: "Revision of the source.")
  var revision: String
  @Option(help: "Time stamp of every file, in seconds since 1970.")
  var epoch: Int
  @Option(help: "Package cache.")
  var cache = "build/cache/packages"
  @Option(
    help:
      "Output directory: synbox.img with its manifest, SBOM and checksums; image/ to boot without firmware."
  )
  var output = "build"

  func validate() throws {
    guard version > 0 else { throw ValidationError("--version: expected a number greater than 0") }
    // FAT cannot store an earlier year.
    guard epoch >= 315_532_800 else { throw ValidationError("--epoch: expected a time after 1980") }
  }

  /// Runs the phases in order. Only the last one writes to the output directory.
  func run() throws {
    // 1. Check everything that needs no package: profile, site, program, layout, lock.
    let plan = try BuildPlan(self)
    Terminal.output(plan.text)
    // 2. Unpack the packages, from the cache or the mirror.
    try Output.makeDirectory(output)
    let scratch = try TemporaryDirectory(in: output)
    defer { scratch.remove() }
    let packages = try UnpackedPackages(plan, in: scratch.path("packages"))
    // 3. Assemble the root file system and pack it as an initramfs.
    let identity = Identity(version: version, revision: revision, epoch: epoch)
    let root = try assembleRoot(plan, packages, identity, at: scratch.path("root"))
    let files = BuildFiles(scratch)
    try Initramfs.pack(root.root, to: files.initramfs)
    try Output.copy(packages.kernel, to: files.kernel)
    // 4. Assemble the ESP, then the disk.
    try assembleESP(plan, packages, identity, files)
    let identifiers = DiskIdentifiers(
      profile: plan.profile.name, site: plan.site.name, version: version)
    let disk = DiskImage(layout: plan.layout, identifiers: identifiers, epoch: epoch)
    try disk.build(esp: files.esp, to: files.image)
    // 5. Describe the contents.
    let manifest = try Manifest(plan, identity, files, root: root.root)
    try manifest.write(to: files.manifest)
    try BillOfMaterials(plan, identity).write(to: files.sbom)
    try files.install(in: output)
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
    if let manage { try root.add(service: manage, name: "synbox-manage") }
    if let agent = plan.agent { try root.add(service: agent, name: "synbox-agent") }
    try root.add(plan.site, always: plan.profile.always, identity: identity)
    try root.add(set, from: tree, base: packages.base, architecture: plan.profile.architecture)
    try root.add(firmware)
    try root.normalize(epoch: epoch)
    return root
  }

  private func assembleESP(
    _ plan: BuildPlan, _ packages: UnpackedPackages, _ identity: Identity, _ files: BuildFiles
  ) throws {
    let boot = BootFiles(plan: plan, packages: packages, identity: identity)
    try boot.assemble(at: files.esp, kernel: files.kernel, initramfs: files.initramfs)
    try DiskImage.checkSpace(
      files: boot.loaderSizes(at: files.esp),
      version: FileTree.size(of: "\(files.esp)/\(boot.version)"), layout: plan.layout)
  }
}

/// The inputs of a build, read and checked.
struct BuildPlan {
  let data: ImageData
  let profile: ImageProfile
  let site: Site
  let layout: DiskLayout
  let lock: PackageLock
  let cache: PackageCache
  let program: String
  /// The program of the management service, if the image is to have it.
  let manage: String?
  /// The program of the agent, if the site is one of a fleet.
  let agent: String?
  let version: Int
  let revision: String

  init(_ command: BuildCommand) throws {
    data = ImageData(root: command.data)
    profile = try ImageProfile(name: command.profile, data: data)
    layout = try DiskLayout(file: data.layout)
    lock = try PackageLock(path: data.lock)
    program = command.program
    manage = command.manage
    // The site is checked with the programs, so they are checked first.
    for file in [program, manage, command.agent].compactMap(\.self) {
      try BoxProgram.check(file, for: profile.architecture)
    }
    site = try Site(
      directory: data.site(command.site), program: program, manage: manage,
      agent: command.agent)
    agent = site.hasAgent ? command.agent : nil
    cache = PackageCache(directory: command.cache)
    version = command.version
    revision = command.revision
    for driver in [site.box.interface.driver, site.box.management?.driver].compactMap(\.self)
    where !profile.has(driver: driver) {
      throw InputError(
        "\(site.directory)/box.toml", found: "the driver \(driver)",
        expected: "one of the profile: \(profile.drivers.joined(separator: ", "))")
    }
    for name in packageNames {
      let package = try lock.package(name)
      guard [profile.architecture.rawValue, "all"].contains(package.architecture) else {
        throw InputError(
          lock.path, found: "\(name) for \(package.architecture)",
          expected: "one for \(profile.architecture.rawValue)")
      }
    }
  }

  static let loader = "systemd-boot-efi"
  static let ukify = "systemd-ukify"

  /// The packages that this image takes files from.
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
    always    \(profile.always.joined(separator: ", "))
    available \(profile.available.joined(separator: ", "))
    consoles  \(site.consoles.joined(separator: ", "))
    disk      ESP \(layout.esp >> 20) MiB, data \(layout.data >> 20) MiB (grows to fill the disk)

    """
  }
}

/// The unpacked packages, each in its own directory.
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
      throw Fault("no package has \(file)", remedy: "Update the builder: Debian has moved the file")
    }
  }

  private func root(_ name: String) -> String { roots[name] ?? "" }
  private var moduleHome: String { "usr/lib/modules/\(plan.lock.kernel)" }

  var kernel: String { "\(root(plan.lock.kernelPackages.binary))/\(moduleHome)/vmlinuz" }
  /// The lib/modules/RELEASE with the modules.
  var modules: String { "\(root(plan.lock.kernelPackages.modules))/\(moduleHome)" }
  /// The lib/modules/RELEASE with the indexes that depmod reads.
  var base: String { "\(root(plan.lock.kernelPackages.base))/\(moduleHome)" }
  private var efi: String { "\(root(BuildPlan.loader))/usr/lib/systemd/boot/efi" }
  var loader: String { "\(efi)/\(plan.profile.architecture.loader)" }
  var stub: String { "\(efi)/\(plan.profile.architecture.stub)" }
  var profileStub: String { "\(efi)/\(plan.profile.architecture.profileStub)" }
  var ukify: String { "\(root(BuildPlan.ukify))/usr/bin/ukify" }
  var firmware: [(name: String, root: String)] { plan.profile.firmware.map { ($0, root($0)) } }
}
