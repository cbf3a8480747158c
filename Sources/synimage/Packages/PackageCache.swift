// Downloaded packages, stored by hash, so that a stale entry is impossible.
import Foundation
import Kernel

/// A directory of packages named `SHA256.deb`.
struct PackageCache {
  let directory: String

  /// Returns the path of a package, downloading it if the cache does not have it.
  ///
  /// - Throws: a `Fault` if the mirror does not have the locked package.
  func file(of package: LockedPackage) throws -> String {
    let path = "\(directory)/\(package.sha256).deb"
    if FileManager.default.fileExists(atPath: path) {
      if try FileTree.sha256(of: path) == package.sha256 { return path }
      // Damaged: download it again.
      try? FileManager.default.removeItem(atPath: path)
    }
    try Output.makeDirectory(directory)
    let scratch = try TemporaryDirectory(in: directory)
    defer { scratch.remove() }
    let download = scratch.path("package")
    try Mirror.fetch(package, to: download)
    let (size, hash) = (try FileTree.size(of: download), try FileTree.sha256(of: download))
    guard size == package.size, hash == package.sha256 else {
      throw Fault(
        "the downloaded \(package.name) \(package.version) is not the locked one",
        detail:
          "found \(size) bytes, SHA-256 \(hash); expected \(package.size) bytes, SHA-256 \(package.sha256)"
      )
    }
    try Files.rename(download, to: path)
    return path
  }

  /// Unpacks a package into a new directory below `parent` and returns its path.
  func unpack(_ package: LockedPackage, into parent: String) throws -> String {
    let directory = "\(parent)/\(package.name)"
    try Output.makeDirectory(directory)
    try Tool("dpkg-deb", ["--extract", try file(of: package), directory]).run()
    return directory
  }
}
