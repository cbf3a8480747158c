// Debian's signed indexes, kept in a temporary apt state so that the state of this machine does not change.
import Foundation
import Kernel

/// The packages that the mirror has in some suites.
final class PackageIndex {
  private let scratch: TemporaryDirectory
  private let options: [String]

  deinit { scratch.remove() }

  static let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

  /// Downloads the indexes of `suites`, each SUITE/COMPONENT, and verifies their signatures.
  ///
  /// - Throws: a `Fault` if an index cannot be downloaded or verified.
  init(of suites: [String], keyring: String = PackageIndex.keyring) throws {
    scratch = try TemporaryDirectory()
    guard FileManager.default.fileExists(atPath: keyring) else {
      throw Fault(
        "no such file: \(keyring)", remedy: "Install the Debian package debian-archive-keyring")
    }
    for directory in ["lists/partial", "cache/archives/partial"] {
      try Output.makeDirectory(scratch.path(directory))
    }
    let address = try Mirror.addresses()[0]
    let sources = suites.map { suite in
      let parts = suite.split(separator: "/", maxSplits: 1)
      return
        "deb [arch=amd64 signed-by=\(keyring)] \(address) \(parts[0]) \(parts.last ?? "main")\n"
    }
    try Output.write(sources.joined(), to: scratch.path("sources.list"))
    try Output.write("", to: scratch.path("status"))
    options = [
      "Dir::State=\(scratch.root)", "Dir::State::Lists=\(scratch.path("lists"))",
      "Dir::State::status=\(scratch.path("status"))", "Dir::Cache=\(scratch.path("cache"))",
      "Dir::Etc::SourceList=\(scratch.path("sources.list"))", "Dir::Etc::SourceParts=/dev/null",
      // The hooks of this machine's configuration must not run.
      "APT::Update::Post-Invoke=", "APT::Update::Post-Invoke-Success=", "APT::Sandbox::User=",
      "Acquire::AllowInsecureRepositories=false",
      "Acquire::AllowDowngradeToInsecureRepositories=false", "APT::Get::AllowUnauthenticated=false",
      "APT::Update::Error-Mode=any", "APT::Architecture=amd64", "Acquire::Languages=none",
    ].flatMap { ["-o", $0] }
    try update(suites)
  }

  private func update(_ suites: [String]) throws {
    let outcome = try Tool("apt-get", options + ["update", "-qq"]).attempt()
    let messages = (outcome.errors + outcome.output).split(separator: "\n").map(String.init)
    guard outcome.status == 0 else {
      let isUnverified = messages.contains { $0.contains("NO_PUBKEY") || $0.contains("EXPKEYSIG") }
      throw Fault(
        "cannot read the indexes of \(suites.joined(separator: ", "))",
        detail: messages.suffix(4).joined(separator: "; "),
        remedy: isUnverified
          ? "No key in the keyring verifies the signature; install a newer debian-archive-keyring" : nil
      )
    }
  }

  /// Returns the names of the packages that begin with `prefix`, sorted.
  func names(prefix: String) throws -> [String] {
    try Tool("apt-cache", options + ["pkgnames", prefix]).run().output
      .split(separator: "\n").map(String.init).sorted()
  }

  /// Returns every version of a package, newest first.
  func versions(of name: String) throws -> [LockedPackage] {
    let outcome = try Tool("apt-cache", options + ["show", "--all-versions", name]).attempt()
    guard outcome.status == 0 else { return [] }
    return outcome.output.split(separator: "\n\n").compactMap { Self.package(String($0)) }
      .filter { $0.name == name }
      .sorted { (try? isNewer($0.version, than: $1.version)) ?? false }
  }

  /// Compares versions in Debian's order (deb-version(7)).
  func isNewer(_ version: String, than other: String) throws -> Bool {
    try Tool("dpkg", ["--compare-versions", version, "gt", other]).attempt().status == 0
  }

  /// Parses a stanza of an index (deb-control(5)); nil if a field is missing.
  private static func package(_ stanza: String) -> LockedPackage? {
    var fields: [Substring: String] = [:]
    for line in stanza.split(separator: "\n") where !line.hasPrefix(" ") {
      let parts = line.split(separator: ":", maxSplits: 1)
      if parts.count == 2 { fields[parts[0]] = parts[1].trimmingCharacters(in: .whitespaces) }
    }
    guard let name = fields["Package"], let version = fields["Version"],
      let architecture = fields["Architecture"], let file = fields["Filename"],
      let size = fields["Size"].flatMap({ Int($0) }), let hash = fields["SHA256"]
    else { return nil }
    return LockedPackage(
      name: name, version: version, architecture: architecture, from: "", file: file, size: size,
      sha256: hash)
  }
}
