// Debian's archive, from the mirror in the apt sources of this machine.
import Foundation
import Kernel

/// The mirror of this machine. Its address is read when needed and recorded nowhere.
enum Mirror {
  /// Downloads a locked package. Its hash identifies it, so no index is needed.
  static func fetch(_ package: LockedPackage, to path: String) throws {
    var messages: [String] = []
    for address in try addresses() {
      let uri = "\(address)/\(package.file)"
      let outcome = try Tool(
        "apt-helper", ["download-file", uri, path, "SHA256:\(package.sha256)"]
      ).attempt()
      if outcome.status == 0, FileManager.default.fileExists(atPath: path) { return }
      messages = (outcome.output + outcome.errors).split(separator: "\n").map(String.init)
    }
    throw Fault(
      "cannot download \(package.name) \(package.version)",
      detail: reason(messages) + "; locked: \(package.size) bytes, SHA-256 \(package.sha256); "
        + available(package),
      remedy: "If Debian replaced it, \(PackageLock.refreshHint)")
  }

  /// Returns the mirrors of Debian's main archive in the apt sources of this machine, without a trailing slash.
  ///
  /// - Throws: a `Fault` if there is none.
  static func addresses() throws -> [String] {
    // Other sources, such as security updates or a vendor's, do not have the packages.
    let release = try codename()
    let listed = try Tool(
      "apt-get",
      [
        "indextargets", "--no-release-info", "--format", "$(REPO_URI) $(RELEASE)",
        "Created-By: Packages",
      ]
    ).run().output
    var found: [String] = []
    for line in listed.split(separator: "\n") {
      let parts = line.split(separator: " ")
      guard parts.count == 2, parts[1] == release else { continue }
      var address = String(parts[0])
      while address.hasSuffix("/") { address.removeLast() }
      if !found.contains(address) { found.append(address) }
    }
    guard !found.isEmpty else {
      throw Fault(
        "the apt sources of this machine do not include Debian \(release)",
        remedy: "Add a Debian mirror to /etc/apt/sources.list.d")
    }
    return found
  }

  /// VERSION_CODENAME of os-release(5).
  private static func codename() throws -> String {
    let text = String(decoding: try Files.read("/etc/os-release"), as: UTF8.self)
    for line in text.split(separator: "\n") where line.hasPrefix("VERSION_CODENAME=") {
      return line.dropFirst("VERSION_CODENAME=".count).filter { $0 != "\"" }
    }
    throw Fault("/etc/os-release has no VERSION_CODENAME")
  }

  /// Returns the cause from the output of apt-helper.
  private static func reason(_ messages: [String]) -> String {
    let lines = messages.map { $0.trimmingCharacters(in: .whitespaces) }
    if lines.contains(where: { $0.hasPrefix("404") }) { return "the mirror no longer has it" }
    if lines.contains(where: { $0.hasPrefix("Hash Sum mismatch") }) {
      let hash = lines.last { $0.hasPrefix("- SHA256:") }?.dropFirst("- SHA256:".count)
      return "the mirror has another file of that name, with SHA-256 \(hash ?? "unknown")"
    }
    return lines.last ?? "apt-helper printed nothing"
  }

  /// Describes the versions of a package in the current index of the mirror.
  private static func available(_ package: LockedPackage) -> String {
    do {
      let index = try PackageIndex(of: [package.from])
      let versions = try index.versions(of: package.name)
      guard !versions.isEmpty else { return "\(package.from) no longer has the package" }
      return "\(package.from) now has "
        + versions.map { "\($0.version) (SHA-256 \($0.sha256))" }.joined(separator: ", ")
    } catch {
      return "cannot read the index of \(package.from): \(error)"
    }
  }
}
