// The lock: a build uses no package but the locked one.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.lab, .timeLimit(.minutes(10))) struct `The package lock` {
  private let package = "systemd-ukify"

  /// Returns a cache with all packages but one.
  private func cache(in fixture: BuildFixture, without hash: String) throws -> String {
    let cache = fixture.root.appending(path: "cache")
    try FileManager.default.createDirectory(at: cache, withIntermediateDirectories: true)
    for file in try FileManager.default.contentsOfDirectory(atPath: BuildFixture.cache)
    where file.hasSuffix(".deb") && file != "\(hash).deb" {
      try FileManager.default.createSymbolicLink(
        atPath: cache.appending(path: file).path, withDestinationPath: "\(BuildFixture.cache)/\(file)")
    }
    return cache.path
  }

  @Test func `refuses a package that was replaced on the mirror`() throws {
    let fixture = try BuildFixture()
    let entry = try fixture.lockEntry(package)
    let other = String(repeating: "0", count: 64)
    try fixture.change(fixture.data.appending(path: "packages.lock"), entry.sha256, to: other)
    let outcome = try fixture.build(cache: try cache(in: fixture, without: entry.sha256))
    #expect(outcome.status == 1)
    #expect(
      outcome.errors.contains("the mirror has another file of that name, with SHA-256 \(entry.sha256)"))
    #expect(outcome.errors.contains("SHA-256 \(other)"), "the locked hash")
    #expect(outcome.errors.contains("now has \(entry.version) (SHA-256 \(entry.sha256))"))
    #expect(outcome.errors.contains("`make image-lock`"))
    #expect(
      !outcome.errors.contains("://"), "the address of the mirror: \(outcome.errors)")
  }

  @Test func `reports a package that the mirror no longer has`() throws {
    let fixture = try BuildFixture()
    let entry = try fixture.lockEntry(package)
    let lock = fixture.data.appending(path: "packages.lock")
    try fixture.change(lock, entry.file, to: entry.file.replacing(".deb", with: "~gone.deb"))
    let outcome = try fixture.build(cache: try cache(in: fixture, without: entry.sha256))
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("the mirror no longer has it"), "\(outcome.errors)")
    #expect(outcome.errors.contains("now has \(entry.version)"))
    // A cached package needs no mirror.
    let again = try fixture.build(["--profile", "lab", "--site", "nowhere"])
    #expect(!again.errors.contains("mirror"))
  }

  @Test func `replaces a damaged package in the cache`() throws {
    let fixture = try BuildFixture()
    let entry = try fixture.lockEntry(package)
    let cache = try cache(in: fixture, without: entry.sha256)
    let file = "\(cache)/\(entry.sha256).deb"
    try Data("damaged".utf8).write(to: URL(filePath: file))
    // An unknown module stops the build after the packages are unpacked.
    try fixture.change(
      fixture.data.appending(path: "profiles/lab.toml"), "\"virtio_net\"", to: "\"nothing\"")
    let outcome = try fixture.build(cache: cache)
    #expect(outcome.errors.contains("the unknown module nothing"), "\(outcome.errors)")
    #expect(try run(["sha256sum", file]).output.hasPrefix(entry.sha256))
  }

  @Test(arguments: [
    ("sha256 = \"", "sha256 = \"x", "64 hexadecimal digits"),
    ("file = \"pool/", "file = \"../pool/", "a path such as pool/main/"),
    ("name = \"systemd-ukify\"", "name = \"../systemd-ukify\"", "a package name"),
    ("name = \"systemd-ukify\"", "name = \"systemd-boot-efi\"", "each package once"),
    ("name = \"systemd-ukify\"", "name = \"something-else\"", "no package systemd-ukify"),
    ("size = ", "size = -", "a number from 1"),
    ("kernel = \"7", "kernel = \"../7", "as uname -r prints it"),
    ("kernel =", "[[package", "packages.lock:2:"),
  ])
  func `is refused if invalid`(old: String, new: String, words: String) throws {
    let fixture = try BuildFixture()
    try fixture.change(fixture.data.appending(path: "packages.lock"), old, to: new)
    let outcome = try fixture.build()
    #expect(outcome.status == 2, "\(outcome.errors)")
    #expect(outcome.errors.contains(words), "\(outcome.errors)")
  }

  @Test func `is rewritten from the signed index`() throws {
    let fixture = try BuildFixture()
    let before = try fixture.lockEntry(package)
    let outcome = try fixture.synimage(["lock", "--data", fixture.data.path])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.lines.count { $0.hasPrefix("linux-") } >= 3)
    #expect(try fixture.lockEntry(package).sha256.count == before.sha256.count)
    #expect(try fixture.kernel().hasPrefix("7.3."))
  }

  @Test func `stays unchanged if no key verifies the index`() throws {
    let fixture = try BuildFixture()
    let lock = fixture.data.appending(path: "packages.lock")
    let before = try Data(contentsOf: lock)
    // Debian keys of a release that does not sign these suites.
    let keyring = "/usr/share/keyrings/debian-archive-bullseye-stable.gpg"
    let outcome = try fixture.synimage(["lock", "--data", fixture.data.path, "--keyring", keyring])
    #expect(outcome.status == 1)
    #expect(
      outcome.errors.contains("cannot read the indexes of trixie-backports/main"), "\(outcome.errors)")
    #expect(
      outcome.errors.contains("No key in the keyring verifies the signature"), "\(outcome.errors)")
    #expect(try Data(contentsOf: lock) == before, "the lock changed")
  }

  @Test func `stays unchanged if the kernel series does not exist`() throws {
    let fixture = try BuildFixture()
    let lock = fixture.data.appending(path: "packages.lock")
    let before = try Data(contentsOf: lock)
    try fixture.change(fixture.data.appending(path: "packages.toml"), "\"7.3\"", to: "\"2.4\"")
    let outcome = try fixture.synimage(["lock", "--data", fixture.data.path])
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("has no kernel of the series 2.4 for amd64"))
    #expect(try Data(contentsOf: lock) == before, "the lock changed")
  }
}
