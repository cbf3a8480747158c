// Debian's archive, by way of the mirror that the machine's own apt sources name.
import Foundation
import Kernel

/// The machine's mirror. Which one that is is read when it is needed and written nowhere.
enum Mirror {
  /// Fetches a locked package; its hash says whether it is the right one, so no index is needed.
  static func fetch(_ package: LockedPackage, to path: String) throws {
    var said: [String] = []
    for address in try addresses() {
      let uri = "\(address)/\(package.file)"
      let outcome = try Tool(
        "apt-helper", ["download-file", uri, path, "SHA256:\(package.sha256)"]
      ).attempt()
      if outcome.status == 0, FileManager.default.fileExists(atPath: path) { return }
      said = (outcome.output + outcome.errors).split(separator: "\n").map(String.init)
    }
    throw Fault(
      "cannot fetch \(package.name) \(package.version) as the lock has it",
      detail: reason(said) + "; locked: \(package.size) bytes, SHA-256 \(package.sha256); "
        + available(package),
      remedy: "If it was replaced, \(PackageLock.refresh); the old one is used where the cache has it")
  }

  /// The mirrors of Debian's main archive that the machine's sources name, without a slash at the end.
  /// Throws a `Fault` where there is none.
  static func addresses() throws -> [String] {
    // Sources that are not Debian's release of this machine, such as security or a vendor's, have no pool.
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
        "the machine's apt sources have no Debian \(release)",
        remedy: "The kernel comes from Debian: add its mirror to /etc/apt/sources.list.d")
    }
    return found
  }

  /// VERSION_CODENAME of os-release(5).
  private static func codename() throws -> String {
    let text = String(decoding: try Files.read("/etc/os-release"), as: UTF8.self)
    for line in text.split(separator: "\n") where line.hasPrefix("VERSION_CODENAME=") {
      return line.dropFirst("VERSION_CODENAME=".count).filter { $0 != "\"" }
    }
    throw Fault("/etc/os-release names no VERSION_CODENAME")
  }

  /// The point of what apt-helper said.
  private static func reason(_ said: [String]) -> String {
    let words = said.map { $0.trimmingCharacters(in: .whitespaces) }
    if words.contains(where: { $0.hasPrefix("404") }) { return "the mirror no longer has it" }
    if words.contains(where: { $0.hasPrefix("Hash Sum mismatch") }) {
      let hash = words.last { $0.hasPrefix("- SHA256:") }?.dropFirst("- SHA256:".count)
      return "the mirror has another file of that name, with SHA-256 \(hash ?? "unknown")"
    }
    return words.last ?? "apt-helper said nothing"
  }

  /// What the mirror's index has of a package now.
  private static func available(_ package: LockedPackage) -> String {
    do {
      let index = try PackageIndex(of: [package.from])
      let versions = try index.versions(of: package.name)
      guard !versions.isEmpty else { return "\(package.from) has no package of that name now" }
      return "\(package.from) has now: "
        + versions.map { "\($0.version) (SHA-256 \($0.sha256))" }.joined(separator: ", ")
    } catch {
      return "what \(package.from) has now cannot be read: \(error)"
    }
  }
}
