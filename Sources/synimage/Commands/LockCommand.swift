// `synimage lock`: pins the packages that an image is made of.
import ArgumentParser
import Foundation
import Kernel
import NIC

struct LockCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lock",
    abstract: "Write image/packages.lock from what Debian's signed indexes have now.")

  @Option(help: "The directory with packages.toml and packages.lock.")
  var data = "image"
  @Option(help: "The keys that prove Debian's indexes.")
  var keyring = PackageIndex.keyring

  func run() throws {
    let data = ImageData(root: data)
    let wanted = try WantedPackages(file: data.packages)
    let lock = try wanted.locked(path: data.lock, keyring: keyring)
    let before = try? PackageLock(path: data.lock)
    for package in lock.packages {
      let old = before?.packages.first { $0.name == package.name }
      let change = old == package ? "as before" : old.map { "was \($0.version)" } ?? "new"
      Terminal.output("\(package.name) \(package.version), \(package.size) bytes: \(change)\n")
    }
    for package in before?.packages ?? []
    where !lock.packages.contains(where: { $0.name == package.name }) {
      Terminal.output("\(package.name) \(package.version): gone\n")
    }
    let scratch = try Scratch(in: data.root)
    defer { scratch.remove() }
    try Output.write(lock.text, to: scratch.path("lock"))
    try Files.rename(scratch.path("lock"), to: data.lock)
  }
}

/// image/packages.toml.
struct WantedPackages {
  /// SUITE/COMPONENT.
  let kernelFrom: String
  let series: String
  let flavour: String
  /// Names and where from, by name.
  let others: [(name: String, from: String)]
  /// Packages of this machine that the box's program is linked from.
  let linked: [String]

  init(file: String) throws {
    let table = try StrictTable(file: file, known: ["kernel", "packages", "linked"])
    guard let kernel = try table.section("kernel", known: ["from", "series", "flavour"]) else {
      throw table.missing("kernel", "a section [kernel]")
    }
    kernelFrom = try Self.place(kernel, "from")
    series = try kernel.required("series", "a series such as \"7.3\"")
    flavour = try kernel.required("flavour", "a flavour such as \"amd64\"")
    guard let packages = try table.section("packages", known: nil) else {
      throw table.missing("packages", "a section [packages]")
    }
    linked = try table.words("linked", "a list of packages") ?? []
    others = try packages.keys.sorted().map { ($0, try Self.place(packages, $0)) }
  }

  private static func place(_ table: StrictTable, _ key: String) throws -> String {
    let expected = "SUITE/COMPONENT such as \"trixie/main\""
    let place = try table.required(key, expected)
    guard place.wholeMatch(of: /[a-z-]+\/[a-z-]+/) != nil else {
      throw table.error(key, found: TOMLDocument.shown(place), expected: expected)
    }
    return place
  }

  /// What the mirror has now. Throws a `Fault` for a package that it has not.
  func locked(path: String, keyring: String) throws -> PackageLock {
    var packages: [LockedPackage] = []
    let kernels = try PackageIndex(of: [kernelFrom], keyring: keyring)
    let release = try release(in: kernels)
    for name in ["linux-base-\(release)", "linux-binary-\(release)", "linux-modules-\(release)"] {
      packages.append(try newest(name, kernelFrom, in: kernels))
    }
    for place in Set(others.map(\.from)).sorted() {
      let index = try PackageIndex(of: [place], keyring: keyring)
      for other in others where other.from == place {
        packages.append(try newest(other.name, place, in: index))
      }
    }
    return PackageLock(
      path: path, kernel: release, packages: packages.sorted { $0.name < $1.name })
  }

  /// The newest release of the series, as `uname -r` will say it.
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
        detail: "it has \(all.isEmpty ? "none" : all.joined(separator: ", "))",
        remedy: "Choose another series in packages.toml")
    }
    return best
  }

  private func newest(_ name: String, _ place: String, in index: PackageIndex) throws
    -> LockedPackage
  {
    guard let found = try index.versions(of: name).first else {
      throw Fault("\(place) has no package \(name)")
    }
    return LockedPackage(
      name: found.name, version: found.version, architecture: found.architecture, from: place,
      file: found.file, size: found.size, sha256: found.sha256)
  }
}
