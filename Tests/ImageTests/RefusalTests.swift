// What the image builder refuses, by the real program, and that it leaves nothing behind.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.lab, .timeLimit(.minutes(10))) struct `The image builder refuses, and says why` {
  /// Refused as a mistake in what was given, with the words, and without an image.
  private func expectRefusal(
    _ shop: Workshop, cache: String = Workshop.cache, _ words: String...,
    location: SourceLocation = #_sourceLocation
  ) throws {
    let outcome = try shop.build(cache: cache)
    #expect(outcome.status == 2, "\(outcome.errors)", sourceLocation: location)
    for word in words {
      #expect(
        outcome.errors.contains(word), "no \"\(word)\" in: \(outcome.errors)", sourceLocation: location)
    }
    let left = (try? FileManager.default.contentsOfDirectory(atPath: shop.output.path)) ?? []
    #expect(left.isEmpty, "left: \(left)", sourceLocation: location)
  }

  // MARK: The program

  @Test func `a program that is not static`() throws {
    let shop = try Workshop()
    shop.program = "/bin/true"
    try expectRefusal(shop, "/bin/true: found a program that is not static", "ld-linux")
  }

  @Test func `a program for another machine`() throws {
    let shop = try Workshop()
    var bytes = try Data(contentsOf: URL(filePath: Workshop.program))
    // e_machine: 183 is AArch64.
    bytes[18] = 183
    shop.program = shop.root.appending(path: "synbox").path
    try bytes.write(to: URL(filePath: shop.program))
    try expectRefusal(shop, "found a program for arm64", "for amd64")
  }

  @Test func `a program that is cut off`() throws {
    let shop = try Workshop()
    let bytes = try Data(contentsOf: URL(filePath: Workshop.program))
    shop.program = shop.root.appending(path: "synbox").path
    for length in [0, 3, 40, 63, 100] {
      try bytes.prefix(length).write(to: URL(filePath: shop.program))
      try expectRefusal(shop, "no 64-bit ELF file, or one that is cut off")
    }
  }

  // MARK: Kernel and modules

  @Test func `a kernel for another machine`() throws {
    let shop = try Workshop()
    let kernel = try shop.kernel()
    let cache = try shop.replace("linux-binary-\(kernel)") { tree in
      let home = tree.appending(path: "usr/lib/modules/\(kernel)")
      try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
      // The head of an arm64 Image with an EFI stub (Documentation/arch/arm64/booting.rst).
      var image = Data(count: 4096)
      image.replaceSubrange(0..<2, with: Data("MZ".utf8))
      image[0x3c] = 0x40
      image.replaceSubrange(0x38..<0x3c, with: Data("ARM\u{64}".utf8))
      image.replaceSubrange(0x40..<0x46, with: Data("PE\0\0".utf8) + [0x64, 0xaa])
      try image.write(to: home.appending(path: "vmlinuz"))
    }
    try expectRefusal(shop, cache: cache, "found a kernel for arm64", "for amd64")
  }

  /// Cut off, and with a PE header that would lie beyond the end.
  @Test(arguments: [Data(), Data("MZ".utf8), Data("MZ".utf8) + Data(repeating: 0xff, count: 200)])
  func `a kernel that is cut off`(image: Data) throws {
    let shop = try Workshop()
    let kernel = try shop.kernel()
    let cache = try shop.replace("linux-binary-\(kernel)") { tree in
      let home = tree.appending(path: "usr/lib/modules/\(kernel)")
      try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
      try image.write(to: home.appending(path: "vmlinuz"))
    }
    try expectRefusal(shop, cache: cache, "found no EFI program, or one that is cut off")
  }

  @Test func `a kernel package for another machine`() throws {
    let shop = try Workshop()
    let name = "linux-modules-\(try shop.kernel())"
    let entry = try shop.lockEntry(name)
    try shop.change(
      shop.data.appending(path: "packages.lock"),
      "name = \"\(name)\"\nversion = \"\(entry.version)\"\narchitecture = \"amd64\"",
      to: "name = \"\(name)\"\nversion = \"\(entry.version)\"\narchitecture = \"arm64\"")
    try expectRefusal(shop, "found \(name) for arm64, expected one for amd64")
  }

  @Test func `a module of another kernel`() throws {
    let shop = try Workshop()
    let kernel = try shop.kernel()
    let original = "\(Workshop.cache)/\(try shop.lockEntry("linux-modules-\(kernel)").sha256).deb"
    let cache = try shop.replace("linux-modules-\(kernel)") { tree in
      let unpacked = try run(["dpkg-deb", "--extract", original, tree.path])
      guard unpacked.status == 0 else { throw LabError(unpacked.errors) }
      let file = tree.appending(
        path: "usr/lib/modules/\(kernel)/kernel/drivers/net/ethernet/intel/igb/igb.ko")
      try run(["xz", "--decompress", file.path + ".xz"])
      var bytes = try Data(contentsOf: file)
      guard let place = bytes.firstRange(of: Data("vermagic=7".utf8)) else {
        throw LabError("no vermagic")
      }
      bytes[place.upperBound - 1] = UInt8(ascii: "6")
      try bytes.write(to: file)
    }
    try expectRefusal(
      shop, cache: cache, "igb.ko: found a module for Linux \"6", "expected one for \(kernel)")
  }

  @Test func `an unknown driver`() throws {
    let shop = try Workshop()
    try shop.change(shop.data.appending(path: "profiles/lab.toml"), "\"igb\"", to: "\"igbx\"")
    try shop.change(
      shop.site.appending(path: "box.toml"), "driver = \"igb\"", to: "driver = \"virtio_net\"")
    try expectRefusal(shop, "profiles/lab.toml: found the unknown module igbx")
  }

  @Test func `a driver without its firmware`() throws {
    let shop = try Workshop()
    try shop.change(shop.data.appending(path: "profiles/lab.toml"), "\"igb\"", to: "\"ice\", \"igb\"")
    try expectRefusal(
      shop, "driver ice: found no firmware intel/ice/ddp/ice.pkg", "firmware packages (none)")
  }

  @Test func `an architecture that nobody knows`() throws {
    let shop = try Workshop()
    try shop.change(shop.data.appending(path: "profiles/lab.toml"), "\"amd64\"", to: "\"sparc64\"")
    try expectRefusal(shop, "profiles/lab.toml:2:1: found \"sparc64\", expected amd64")
  }

  // MARK: The disk

  @Test func `an ESP that is too small`() throws {
    let shop = try Workshop()
    try shop.change(shop.data.appending(path: "layout.toml"), "\"58M\"", to: "\"40M\"")
    try expectRefusal(shop, "layout.toml: found an ESP of 41943040 bytes", "2 UKIs of")
  }

  @Test(arguments: ["\"58.5M\"", "\"10M\"", "58", "\"58M\"\nsizes = 1"])
  func `a layout that makes no sense`(size: String) throws {
    let shop = try Workshop()
    try shop.change(shop.data.appending(path: "layout.toml"), "size = \"58M\"", to: "size = \(size)")
    try expectRefusal(shop, "layout.toml:", "expected")
  }
}
