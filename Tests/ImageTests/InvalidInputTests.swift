// Inputs that `synimage build` refuses. It leaves nothing behind.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.lab, .timeLimit(.minutes(10))) struct `The image builder refuses` {
  /// Expects exit code 2, messages with `words`, and no output.
  private func expectInvalidInput(
    _ fixture: BuildFixture, cache: String = BuildFixture.cache, _ words: String...,
    location: SourceLocation = #_sourceLocation
  ) throws {
    let outcome = try fixture.build(cache: cache)
    #expect(outcome.status == 2, "\(outcome.errors)", sourceLocation: location)
    for word in words {
      #expect(
        outcome.errors.contains(word), "no \"\(word)\" in: \(outcome.errors)", sourceLocation: location)
    }
    let remaining = (try? FileManager.default.contentsOfDirectory(atPath: fixture.output.path)) ?? []
    #expect(remaining.isEmpty, "left behind: \(remaining)", sourceLocation: location)
  }

  // MARK: The program

  @Test func `a program that is not static`() throws {
    let fixture = try BuildFixture()
    fixture.program = "/bin/true"
    try expectInvalidInput(fixture, "/bin/true: found a dynamically linked program", "ld-linux")
  }

  @Test func `a program for another machine`() throws {
    let fixture = try BuildFixture()
    var bytes = try Data(contentsOf: URL(filePath: BuildFixture.program))
    // e_machine: 183 is AArch64.
    bytes[18] = 183
    fixture.program = fixture.root.appending(path: "synbox").path
    try bytes.write(to: URL(filePath: fixture.program))
    try expectInvalidInput(fixture, "found a program for arm64", "for amd64")
  }

  @Test func `a truncated program`() throws {
    let fixture = try BuildFixture()
    let bytes = try Data(contentsOf: URL(filePath: BuildFixture.program))
    fixture.program = fixture.root.appending(path: "synbox").path
    for length in [0, 3, 40, 63, 100] {
      try bytes.prefix(length).write(to: URL(filePath: fixture.program))
      try expectInvalidInput(fixture, "no 64-bit ELF file, or a truncated one")
    }
  }

  // MARK: Kernel and modules

  @Test func `a kernel for another machine`() throws {
    let fixture = try BuildFixture()
    let kernel = try fixture.kernel()
    let cache = try fixture.replace("linux-binary-\(kernel)") { tree in
      let home = tree.appending(path: "usr/lib/modules/\(kernel)")
      try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
      // The header of an arm64 Image with an EFI stub (Documentation/arch/arm64/booting.rst).
      var image = Data(count: 4096)
      image.replaceSubrange(0..<2, with: Data("MZ".utf8))
      image[0x3c] = 0x40
      image.replaceSubrange(0x38..<0x3c, with: Data("ARM\u{64}".utf8))
      image.replaceSubrange(0x40..<0x46, with: Data("PE\0\0".utf8) + [0x64, 0xaa])
      try image.write(to: home.appending(path: "vmlinuz"))
    }
    try expectInvalidInput(fixture, cache: cache, "found a kernel for arm64", "for amd64")
  }

  /// Truncated images, one with a PE header beyond its end.
  @Test(arguments: [Data(), Data("MZ".utf8), Data("MZ".utf8) + Data(repeating: 0xff, count: 200)])
  func `a truncated kernel`(image: Data) throws {
    let fixture = try BuildFixture()
    let kernel = try fixture.kernel()
    let cache = try fixture.replace("linux-binary-\(kernel)") { tree in
      let home = tree.appending(path: "usr/lib/modules/\(kernel)")
      try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
      try image.write(to: home.appending(path: "vmlinuz"))
    }
    try expectInvalidInput(fixture, cache: cache, "found no EFI program, or a truncated one")
  }

  @Test func `a kernel package for another machine`() throws {
    let fixture = try BuildFixture()
    let name = "linux-modules-\(try fixture.kernel())"
    let entry = try fixture.lockEntry(name)
    try fixture.change(
      fixture.data.appending(path: "packages.lock"),
      "name = \"\(name)\"\nversion = \"\(entry.version)\"\narchitecture = \"amd64\"",
      to: "name = \"\(name)\"\nversion = \"\(entry.version)\"\narchitecture = \"arm64\"")
    try expectInvalidInput(fixture, "found \(name) for arm64, expected one for amd64")
  }

  @Test func `a module of another kernel`() throws {
    let fixture = try BuildFixture()
    let kernel = try fixture.kernel()
    let original =
      "\(BuildFixture.cache)/\(try fixture.lockEntry("linux-modules-\(kernel)").sha256).deb"
    let cache = try fixture.replace("linux-modules-\(kernel)") { tree in
      let unpacked = try run(["dpkg-deb", "--extract", original, tree.path])
      guard unpacked.status == 0 else { throw LabError(unpacked.errors) }
      let file = tree.appending(
        path: "usr/lib/modules/\(kernel)/kernel/drivers/net/ethernet/intel/igb/igb.ko")
      try run(["xz", "--decompress", file.path + ".xz"])
      var bytes = try Data(contentsOf: file)
      guard let range = bytes.firstRange(of: Data("vermagic=7".utf8)) else {
        throw LabError("no vermagic")
      }
      bytes[range.upperBound - 1] = UInt8(ascii: "6")
      try bytes.write(to: file)
    }
    try expectInvalidInput(
      fixture, cache: cache, "igb.ko: found a module for Linux \"6", "expected one for \(kernel)")
  }

  @Test func `an unknown driver`() throws {
    let fixture = try BuildFixture()
    try fixture.change(fixture.data.appending(path: "profiles/lab.toml"), "\"igb\"", to: "\"igbx\"")
    try fixture.change(
      fixture.site.appending(path: "box.toml"), "driver = \"igb\"", to: "driver = \"virtio_net\"")
    try expectInvalidInput(fixture, "profiles/lab.toml: found the unknown module igbx")
  }

  @Test func `a driver without its firmware`() throws {
    let fixture = try BuildFixture()
    try fixture.change(
      fixture.data.appending(path: "profiles/lab.toml"), "\"igb\"", to: "\"ice\", \"igb\"")
    try expectInvalidInput(
      fixture, "driver ice: found no firmware intel/ice/ddp/ice.pkg",
      "expected the file in a firmware package of the profile (none)")
  }

  @Test func `an unknown architecture`() throws {
    let fixture = try BuildFixture()
    try fixture.change(
      fixture.data.appending(path: "profiles/lab.toml"), "\"amd64\"", to: "\"sparc64\"")
    try expectInvalidInput(fixture, "profiles/lab.toml:2:1: found \"sparc64\", expected amd64")
  }

  // MARK: The disk

  @Test func `an ESP that is too small`() throws {
    let fixture = try BuildFixture()
    try fixture.change(fixture.data.appending(path: "layout.toml"), "\"96M\"", to: "\"40M\"")
    try expectInvalidInput(fixture, "layout.toml: found an ESP of 41943040 bytes", "2 UKIs of")
  }

  @Test(arguments: ["\"96.5M\"", "\"10M\"", "96", "\"96M\"\nsizes = 1"])
  func `an invalid layout`(size: String) throws {
    let fixture = try BuildFixture()
    try fixture.change(
      fixture.data.appending(path: "layout.toml"), "size = \"96M\"", to: "size = \(size)")
    try expectInvalidInput(fixture, "layout.toml:", "expected")
  }
}
