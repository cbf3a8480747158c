// The lock: a package that is not the locked one is never taken.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.lab, .timeLimit(.minutes(10))) struct `Packages are the locked ones` {
  private let package = "systemd-ukify"

  /// A cache with all but one package.
  private func cache(in shop: Workshop, without hash: String) throws -> String {
    let cache = shop.root.appending(path: "cache")
    try FileManager.default.createDirectory(at: cache, withIntermediateDirectories: true)
    for file in try FileManager.default.contentsOfDirectory(atPath: Workshop.cache)
    where file.hasSuffix(".deb") && file != "\(hash).deb" {
      try FileManager.default.createSymbolicLink(
        atPath: cache.appending(path: file).path, withDestinationPath: "\(Workshop.cache)/\(file)")
    }
    return cache.path
  }

  @Test func `a package that was replaced on the mirror`() throws {
    let shop = try Workshop()
    let entry = try shop.lockEntry(package)
    let other = String(repeating: "0", count: 64)
    try shop.change(shop.data.appending(path: "packages.lock"), entry.sha256, to: other)
    let outcome = try shop.build(cache: try cache(in: shop, without: entry.sha256))
    #expect(outcome.status == 1)
    #expect(
      outcome.errors.contains("the mirror has another file of that name, with SHA-256 \(entry.sha256)"))
    #expect(outcome.errors.contains("SHA-256 \(other)"), "what the lock says")
    #expect(outcome.errors.contains("has now: \(entry.version) (SHA-256 \(entry.sha256))"))
    #expect(outcome.errors.contains("`make image-lock`"))
    #expect(
      !outcome.errors.contains("://"), "the mirror's address is nobody's business: \(outcome.errors)")
  }

  @Test func `a package that the mirror no longer has`() throws {
    let shop = try Workshop()
    let entry = try shop.lockEntry(package)
    let lock = shop.data.appending(path: "packages.lock")
    try shop.change(lock, entry.file, to: entry.file.replacing(".deb", with: "~gone.deb"))
    let outcome = try shop.build(cache: try cache(in: shop, without: entry.sha256))
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("the mirror no longer has it"), "\(outcome.errors)")
    #expect(outcome.errors.contains("has now: \(entry.version)"))
    // What the cache has is used whatever the mirror has.
    let again = try shop.build(["--profile", "lab", "--site", "nowhere"])
    #expect(!again.errors.contains("mirror"))
  }

  @Test func `a damaged package in the cache is fetched again`() throws {
    let shop = try Workshop()
    let entry = try shop.lockEntry(package)
    let cache = try cache(in: shop, without: entry.sha256)
    let file = "\(cache)/\(entry.sha256).deb"
    try Data("damaged".utf8).write(to: URL(filePath: file))
    // Stops after the packages.
    try shop.change(shop.data.appending(path: "profiles/lab.toml"), "\"virtio_net\"", to: "\"nothing\"")
    let outcome = try shop.build(cache: cache)
    #expect(outcome.errors.contains("the unknown module nothing"), "\(outcome.errors)")
    #expect(try run(["sha256sum", file]).output.hasPrefix(entry.sha256))
  }

  @Test(arguments: [
    ("sha256 = \"", "sha256 = \"x", "64 hexadecimal digits"),
    ("file = \"pool/", "file = \"../pool/", "a path such as pool/main/"),
    ("name = \"systemd-ukify\"", "name = \"../systemd-ukify\"", "a package's name"),
    ("name = \"systemd-ukify\"", "name = \"systemd-boot-efi\"", "each package once"),
    ("name = \"systemd-ukify\"", "name = \"something-else\"", "no package systemd-ukify"),
    ("size = ", "size = -", "a number from 1"),
    ("kernel = \"7", "kernel = \"../7", "as uname -r has it"),
    ("kernel =", "[[package", "packages.lock:2:"),
  ])
  func `a lock that is wrong`(old: String, new: String, words: String) throws {
    let shop = try Workshop()
    try shop.change(shop.data.appending(path: "packages.lock"), old, to: new)
    let outcome = try shop.build()
    #expect(outcome.status == 2, "\(outcome.errors)")
    #expect(outcome.errors.contains(words), "\(outcome.errors)")
  }

  @Test func `refreshing finds what the signed index has`() throws {
    let shop = try Workshop()
    let before = try shop.lockEntry(package)
    let outcome = try shop.synimage(["lock", "--data", shop.data.path])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.lines.count { $0.hasPrefix("linux-") } >= 3)
    #expect(try shop.lockEntry(package).sha256.count == before.sha256.count)
    #expect(try shop.kernel().hasPrefix("7.3."))
  }

  @Test func `an index that no key proves`() throws {
    let shop = try Workshop()
    let lock = shop.data.appending(path: "packages.lock")
    let before = try Data(contentsOf: lock)
    // Keys of Debian's, but of a release that does not sign these suites.
    let keyring = "/usr/share/keyrings/debian-archive-bullseye-stable.gpg"
    let outcome = try shop.synimage(["lock", "--data", shop.data.path, "--keyring", keyring])
    #expect(outcome.status == 1)
    #expect(
      outcome.errors.contains("cannot read the indexes of trixie-backports/main"), "\(outcome.errors)")
    #expect(outcome.errors.contains("No key of the keyring has signed them"), "\(outcome.errors)")
    #expect(try Data(contentsOf: lock) == before, "the old lock stays")
  }

  @Test func `a series that there is not`() throws {
    let shop = try Workshop()
    let lock = shop.data.appending(path: "packages.lock")
    let before = try Data(contentsOf: lock)
    try shop.change(shop.data.appending(path: "packages.toml"), "\"7.3\"", to: "\"2.4\"")
    let outcome = try shop.synimage(["lock", "--data", shop.data.path])
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("has no kernel of the series 2.4 for amd64"))
    #expect(try Data(contentsOf: lock) == before, "the old lock stays")
  }
}
