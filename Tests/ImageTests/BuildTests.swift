// The contents of an image, inspected with programs that did not build it.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `An image` {
  private func built() throws -> BuiltImage { try BuiltImage.shared.get() }

  // MARK: The disk

  @Test func `has an ESP and a data partition`() throws {
    let built = try built()
    let table = try JSON.object(Data(try run(["sfdisk", "--json", built.image.path]).output.utf8))
    let contents = try #require(table["partitiontable"] as? [String: Any])
    #expect(contents["label"] as? String == "gpt")
    let partitions = try #require(contents["partitions"] as? [[String: Any]])
    #expect(partitions.map { $0["name"] as? String } == ["synbox-esp", "synbox-data"])
    // EFI System, Linux filesystem (UEFI, table 5.7; Discoverable Partitions).
    #expect(
      partitions.map { $0["type"] as? String } == [
        "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
      ])
    #expect(partitions.allSatisfy { ($0["start"] as? Int ?? 1) % 2048 == 0 })
    #expect(try run(["sfdisk", "--verify", built.image.path]).output.contains("No errors detected"))
  }

  @Test func `is at most 112 MB without the data partition`() throws {
    let built = try built()
    let size = try #require(
      try FileManager.default.attributesOfItem(atPath: built.image.path)[.size] as? Int)
    let partitions = try #require(try built.manifest()["partitions"] as? [[String: Any]])
    let data = try #require(partitions.last?["size"] as? Int)
    #expect(size - data <= 112_000_000)
    #expect(built.outcome.output.contains("\(size - data) without"))
  }

  @Test func `has a data partition with a clean ext4 file system of 4096-byte blocks`() throws {
    let built = try built()
    let device = "\(built.image.path)?offset=\(try built.start(of: "synbox-data"))"
    let check = try run(["e2fsck", "-f", "-n", device])
    #expect(check.status == 0, "\(check.output)")
    let head = try run(["dumpe2fs", "-h", device]).output
    #expect(head.contains(/Block size: +4096\n/))
    #expect(head.contains(/Filesystem volume name: +synbox-data\n/))
    #expect(head.contains(/Total journal size: +16M\n/))
    for feature in ["has_journal", "metadata_csum", "64bit", "resize_inode"] {
      #expect(head.contains(feature))
    }
  }

  @Test func `has an ESP with the boot loader and a UKI with a try counter`() throws {
    let built = try built()
    let esp = "\(built.image.path)@@\(try built.start(of: "synbox-esp"))"
    let files = try run(["mdir", "-b", "-/", "-i", esp, "::"]).lines.filter { !$0.hasSuffix("/") }
    #expect(
      Set(files) == ["::/EFI/BOOT/BOOTX64.EFI", "::/EFI/Linux/synbox_7+3.efi", "::/loader/loader.conf"])
    let copy = built.fixture.root.appending(path: "uki.efi").path
    try run(["mcopy", "-o", "-n", "-i", esp, "::/EFI/Linux/synbox_7+3.efi", copy])
    let sections = try run(["objdump", "-h", copy]).output
    #expect(sections.components(separatedBy: ".cmdline").count == 3, "two entries: \(sections)")
    let text = try run(["strings", "-n", "20", copy]).output
    let settings =
      "console=tty0 console=ttyS0 quiet printk.devkmsg=on gpt panic=5 "
      + "lockdown=integrity module.sig_enforce=1"
    #expect(text.contains("\(settings) -- init\n"))
    #expect(text.contains("\(settings) -- init --rescue"))
  }

  // MARK: The root file system

  @Test func `has exactly two executable files`() throws {
    let root = try built().unpackedRoot()
    let kinds = try run([
      "find", root.path, "-mindepth", "1", "-printf", "%y %m %P %l\\n",
    ]).lines.map { $0.split(separator: " ").map(String.init) }
    for fields in kinds {
      #expect(["f", "d", "l"].contains(fields[0]), "\(fields)")
      let mode = try #require(Int(fields[1], radix: 8))
      #expect(mode & 0o6000 == 0, "set-uid or set-gid: \(fields)")
      if fields[0] == "f" { #expect((mode & 0o111 != 0) == fields[2].hasPrefix("bin/"), "\(fields)") }
    }
    #expect(kinds.filter { $0[0] == "l" }.map { [$0[2], $0[3]] } == [["init", "bin/synbox"]])
    let top = kinds.filter { !$0[2].contains("/") }.map { $0[2] }.sorted()
    #expect(
      top == ["bin", "data", "dev", "esp", "etc", "init", "lib", "proc", "run", "sys", "tmp"])
    let elves = try run(["find", root.path, "-type", "f", "-not", "-name", "*.ko"]).lines.filter {
      (try? Data(contentsOf: URL(filePath: $0)).prefix(4)) == Data([0x7f, 0x45, 0x4c, 0x46])
    }
    #expect(elves.sorted() == ["synbox", "synbox-manage"].map { "\(root.path)/bin/\($0)" })
  }

  @Test func `has the modules of its profile and their dependencies`() throws {
    let built = try built()
    let root = try built.unpackedRoot()
    let home = root.appending(path: "lib/modules/\(try built.fixture.kernel())")
    let text = try String(contentsOf: home.appending(path: "modules.dep"), encoding: .utf8)
    var indexed: Set<String> = []
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 1)
      indexed.insert(String(parts[0]))
      for needed in parts.dropFirst().flatMap({ $0.split(separator: " ") }) {
        #expect(FileManager.default.fileExists(atPath: home.appending(path: String(needed)).path))
      }
    }
    let files = try run(["find", home.path, "-name", "*.ko", "-printf", "%P\\n"]).lines
    #expect(Set(files) == indexed)
    let names = Set(files.map { URL(filePath: $0).lastPathComponent })
    #expect(
      names.isSuperset(of: [
        "igb.ko", "dca.ko", "i2c-algo-bit.ko", "virtio_net.ko", "ext4.ko", "jbd2.ko",
      ]))
    #expect(
      names.isDisjoint(with: ["ixgbe.ko", "mlx5_core.ko", "e1000e.ko"]), "modules of another profile")
    let aliases = try String(contentsOf: home.appending(path: "modules.alias"), encoding: .utf8)
    #expect(aliases.contains("alias pci:v00008086d000010C9sv*sd*bc*sc*i* igb"), "QEMU's igb, an 82576")
    for index in ["modules.dep.bin", "modules.order", "modules.symbols"] {
      #expect(!FileManager.default.fileExists(atPath: home.appending(path: index).path))
    }
  }

  @Test func `has the files of its site and the modules of its profile in etc`() throws {
    let built = try built()
    let etc = try built.unpackedRoot().appending(path: "etc/synbox")
    let names = try FileManager.default.contentsOfDirectory(atPath: etc.path).sorted()
    #expect(names == ["allow", "box.toml", "manage.toml", "os-release", "synbox.toml", "tokens"])
    for name in ["allow", "manage.toml", "synbox.toml", "tokens"] {
      #expect(
        try Data(contentsOf: etc.appending(path: name))
          == Data(contentsOf: built.fixture.site.appending(path: name)))
    }
    let box = try String(contentsOf: etc.appending(path: "box.toml"), encoding: .utf8)
    let given = try String(contentsOf: built.fixture.site.appending(path: "box.toml"), encoding: .utf8)
    #expect(box.hasPrefix(given))
    #expect(box.hasSuffix("[modules]\nalways = [\"ext4\"]\n"))
    // Loaded only to mark a boot good.
    let modules = try FileManager.default.subpathsOfDirectory(
      atPath: built.unpackedRoot().appending(path: "lib/modules").path)
    for name in ["vfat", "nls_cp437", "nls_ascii", "efivarfs"] {
      #expect(modules.contains { $0.hasSuffix("/\(name).ko") }, "\(name)")
    }
    let release = try String(contentsOf: etc.appending(path: "os-release"), encoding: .utf8)
    #expect(release.contains("IMAGE_ID=synbox\nIMAGE_VERSION=7\nVERSION_ID=7\n"))
  }

  // MARK: The other files

  @Test func `has a correct manifest and correct checksums`() throws {
    let built = try built()
    let check = try run([
      "env", "-C", built.directory.path, "sha256sum", "--check", "--strict", "SHA256SUMS",
    ])
    #expect(check.status == 0, "\(check.output)\(check.errors)")
    let manifest = try built.manifest()
    let initramfs = try #require(manifest["initramfs"] as? [String: Any])
    let files = try #require(initramfs["files"] as? [[String: Any]])
    let root = try built.unpackedRoot()
    let found = try run(["find", root.path, "-mindepth", "1", "-printf", "%P\\n"]).lines
    #expect(Set(files.compactMap { $0["path"] as? String }) == Set(found))
    let sums = files.compactMap { file in
      (file["sha256"] as? String).map { "\($0)  \(root.path)/\(file["path"] as? String ?? "")" }
    }
    let listed = try run(
      ["sha256sum", "--check", "--quiet"], input: Data(sums.joined(separator: "\n").utf8 + [10]))
    #expect(listed.status == 0, "\(listed.output)\(listed.errors)")
  }

  @Test func `has a bill of materials with every package`() throws {
    let built = try built()
    let document = try JSON.object(
      try Data(contentsOf: built.directory.appending(path: "synbox.spdx.json")))
    #expect(document["spdxVersion"] as? String == "SPDX-2.3")
    let packages = try #require(document["packages"] as? [[String: Any]])
    let versions = Dictionary(
      uniqueKeysWithValues: packages.map {
        ($0["name"] as? String ?? "", $0["versionInfo"] as? String ?? "")
      })
    let kernel = try built.fixture.kernel()
    #expect(
      versions["linux-binary-\(kernel)"]
        == (try built.fixture.lockEntry("linux-binary-\(kernel)").version)
    )
    let libbpf = try run(["dpkg-query", "-W", "-f", "${Version}", "libbpf-dev"]).output
    #expect(versions["libbpf-dev"] == libbpf)
    for name in ["synbox", "libxdp-dev", "libelf-dev", "systemd-boot-efi", "libc6-dev"] {
      #expect(versions[name] != nil, "no \(name)")
    }
    // The toolchain and the Swift packages of both programs, as pinned.
    let toolchain = try String(contentsOfFile: "\(Lab.root)/.swift-version", encoding: .utf8)
    #expect(versions["swift"].map { $0 + "\n" } == toolchain)
    #expect(versions["clang"] != nil)
    for package in try Pins.box() + Pins.services() {
      #expect(versions[package.name.lowercased()] == package.version)
    }
    let scanner = try run([BuildFixture.program, "version"]).output
    #expect(!scanner.contains("swift-crypto") && !scanner.contains("swift-nio"))
    let identifiers = packages.compactMap { $0["SPDXID"] as? String }
    #expect(Set(identifiers).count == identifiers.count)
    #expect(identifiers.allSatisfy { $0.wholeMatch(of: /SPDXRef-[A-Za-z0-9.-]+/) != nil })
  }

  // MARK: Reproducibility

  @Test func `is equal byte for byte when built in another environment`() throws {
    let built = try built()
    let other = try BuildFixture()
    try other.addService()
    let environment = [
      "env", "LC_ALL=tr_TR.UTF-8", "TZ=Pacific/Kiritimati", "HOME=/nonexistent", "bash", "-c",
      "umask 077; exec \"$@\"", "-",
    ]
    let again = try run(
      environment + [
        BuildFixture.synimage, "build", "--data", other.data.path, "--profile", "lab", "--program",
        other.program, "--manage", BuildFixture.manage,
        "--version", "7", "--revision", "test", "--epoch", "1700000000", "--cache", BuildFixture.cache,
        "--output", other.output.path,
      ], seconds: 300)
    #expect(again.status == 0, "\(again.errors)")
    let same = try other.synimage(["compare", built.directory.path, other.output.path])
    #expect(same.status == 0, "\(same.errors)")
    // The comparison must also find differences. ice needs firmware.
    try other.change(other.site.appending(path: "allow"), "198.18.0.0/15", to: "198.18.0.0/16")
    try other.change(
      other.data.appending(path: "profiles/lab.toml"), "\"virtio_net\"]",
      to: "\"virtio_net\", \"ice\"]\nfirmware = [\"firmware-intel-misc\"]")
    let changed = try other.build(["--manage", BuildFixture.manage])
    #expect(changed.status == 0, "\(changed.errors)")
    let different = try other.synimage(["compare", built.directory.path, other.output.path])
    #expect(different.status == 1)
    for part in [
      "initramfs.cpio.zst: etc/synbox/allow", "initramfs.cpio.zst: lib/firmware/intel/ice/ddp/ice.pkg",
      "synbox-esp: EFI/Linux/synbox_7+3.efi",
    ] { #expect(different.errors.contains(part), "\(different.errors)") }
    #expect(!different.errors.contains("synbox-data"))
    #expect(!different.errors.contains("bin/synbox"))
  }
}
