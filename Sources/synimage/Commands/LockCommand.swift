// `synimage lock`: pins the packages that go into an image.
import ArgumentParser
import Foundation
import Kernel
import Settings

struct LockCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lock",
    abstract: "Pin the current package versions from Debian's signed indexes in packages.lock.")

  @Option(help: "Directory with packages.toml and packages.lock.")
  var data = "image"
  @Option(help: "Keyring that verifies the indexes.")
  var keyring = PackageIndex.keyring

  func run() throws {
    let data = ImageData(root: data)
    let wanted = try WantedPackages(file: data.packages)
    let lock = try wanted.locked(path: data.lock, keyring: keyring)
    let before = try? PackageLock(path: data.lock)
    for package in lock.packages {
      let old = before?.packages.first { $0.name == package.name }
      let change = old == package ? "unchanged" : old.map { "was \($0.version)" } ?? "new"
      Terminal.output("\(package.name) \(package.version), \(package.size) bytes: \(change)\n")
    }
    for package in before?.packages ?? []
    where !lock.packages.contains(where: { $0.name == package.name }) {
      Terminal.output("\(package.name) \(package.version): removed\n")
    }
    let scratch = try TemporaryDirectory(in: data.root)
    defer { scratch.remove() }
    try Output.write(lock.text, to: scratch.path("lock"))
    try Files.rename(scratch.path("lock"), to: data.lock)
  }
}

/// image/packages.toml: the packages to pin.
struct WantedPackages {
  /// SUITE/COMPONENT.
  let kernelFrom: String
  let series: String
  let flavour: String
  /// The other packages, sorted by name, each with its SUITE/COMPONENT.
  let others: [(name: String, from: String)]
  /// Debian packages of the build machine whose static libraries are linked into synbox.
  let linkedPackages: [String]

  init(file: String) throws {
    let table = try StrictTable(file: file, known: ["kernel", "packages", "linked"])
    guard let kernel = try table.section("kernel", known: ["from", "series", "flavour"]) else {
      throw table.missing("kernel", "a section [kernel]")
    }
    kernelFrom = try Self.source(kernel, "from")
    series = try kernel.required("series", "a series such as \"7.3\"")
    flavour = try kernel.required("flavour", "a flavour such as \"amd64\"")
    guard let packages = try table.section("packages", known: nil) else {
      throw table.missing("packages", "a section [packages]")
    }
    linkedPackages = try table.strings("linked", "a list of packages") ?? []
    others = try packages.keys.sorted().map { ($0, try Self.source(packages, $0)) }
  }

  private static func source(_ table: StrictTable, _ key: String) throws -> String {
    let expected = "SUITE/COMPONENT such as \"trixie/main\""
    let source = try table.required(key, expected)
    guard source.wholeMatch(of: /[a-z-]+\/[a-z-]+/) != nil else {
      throw table.error(key, found: TOMLValue.quoted(source), expected: expected)
    }
    return source
  }

  /// Returns a lock with the newest versions on the mirror.
  ///
  /// - Throws: a `Fault` if the mirror does not have a package.
  func locked(path: String, keyring: String) throws -> PackageLock {
    var packages: [LockedPackage] = []
    let kernels = try PackageIndex(of: [kernelFrom], keyring: keyring)
    let release = try release(in: kernels)
    for name in ["linux-base-\(release)", "linux-binary-\(release)", "linux-modules-\(release)"] {
      packages.append(try newest(name, kernelFrom, in: kernels))
    }
    for source in Set(others.map(\.from)).sorted() {
      let index = try PackageIndex(of: [source], keyring: keyring)
      for other in others where other.from == source {
        packages.append(try newest(other.name, source, in: index))
      }
    }
    return PackageLock(
      path: path, kernel: release, packages: packages.sorted { $0.name < $1.name })
  }

  /// The newest release of the series, as `uname -r` prints it.
  private func release(in index: PackageIndex) throws -> String {
    let prefix = "linux-binary-"
    let all = try index.names(prefix: prefix).map { String($0.dropFirst(prefix.count)) }
      .filter { $0.first?.isNumber == true && $0.wholeMatch(of: /[0-9.]+\+[a-z0-9]+-[a-z0-9]+/) != nil }
      .filter { $0.hasSuffix("-\(flavour)") }
    var best: String?
    for release in all where release.hasPrefix("\(series).") {
      guard try !index.versions(of: prefix + release).isEmpty else { continue }
      if try best.map({ try index.isNewer(release, than: $0) }) ?? true { best = release }
    }
    guard let best else {
      throw Fault(
        "\(kernelFrom) has no kernel of the series \(series) for \(flavour)",
        detail: "available: \(all.isEmpty ? "none" : all.joined(separator: ", "))",
        remedy: "Choose another series in packages.toml")
    }
    return best
  }

  private func newest(_ name: String, _ source: String, in index: PackageIndex) throws
    -> LockedPackage
  {
    guard let found = try index.versions(of: name).first else {
      throw Fault("\(source) has no package \(name)")
    }
    return LockedPackage(
      name: found.name, version: found.version, architecture: found.architecture, from: source,
      file: found.file, size: found.size, sha256: found.sha256)
  }
}
