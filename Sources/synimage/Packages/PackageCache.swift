// Packages on this machine, each under its own hash: what is there cannot be another one.
import Foundation
import Kernel

/// A directory of packages, `SHA256.deb` each.
struct PackageCache {
  let directory: String

  /// The package's file, fetched from the machine's mirror if it is not there yet. Throws a `Fault` with what
  /// the lock says and what the mirror has when that is not the same.
  func file(of package: LockedPackage) throws -> String {
    let path = "\(directory)/\(package.sha256).deb"
    if FileManager.default.fileExists(atPath: path) {
      if try FileTree.sha256(of: path) == package.sha256 { return path }
      // Damaged since: it is fetched again.
      try? FileManager.default.removeItem(atPath: path)
    }
    try Output.directory(directory)
    let scratch = try Scratch(in: directory)
    defer { scratch.remove() }
    let fetched = scratch.path("package")
    try Mirror.fetch(package, to: fetched)
    let (size, hash) = (try FileTree.size(of: fetched), try FileTree.sha256(of: fetched))
    guard size == package.size, hash == package.sha256 else {
      throw Fault(
        "\(package.name) \(package.version) is another one than the lock has",
        detail:
          "fetched \(size) bytes with SHA-256 \(hash), locked \(package.size) with \(package.sha256)")
    }
    try Files.rename(fetched, to: path)
    return path
  }

  /// Unpacks a package into a directory of its own below `parent`.
  func unpack(_ package: LockedPackage, into parent: String) throws -> String {
    let directory = "\(parent)/\(package.name)"
    try Output.directory(directory)
    try Tool("dpkg-deb", ["--extract", try file(of: package), directory]).run()
    return directory
  }
}
