// The data partition: checking its superblock, growing it while it is mounted.
import Foundation
import Init
import Kernel
import LabSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct `An ext4 superblock` {
  private func superblock(_ options: [String] = []) throws -> [UInt8] {
    let disk = try DiskImage()
    try disk.makeFileSystem(options: options)
    let start = Int(DiskImage.dataStart * 512 + Ext4Superblock.offset)
    return Array(try disk.bytes[start..<start + Ext4Superblock.size])
  }

  private let size: UInt64 = 32 << 20

  @Test func `of mkfs.ext4 is valid`() throws {
    let block = try Ext4Superblock(try superblock(), partitionSize: size)
    #expect(block.blockSize == 4096)
    #expect(block.blocksCount == size / 4096)
    #expect(block.hasMetadataChecksum)
    let plain = try superblock(["-O", "^metadata_csum"])
    #expect(try !Ext4Superblock(plain, partitionSize: size).hasMetadataChecksum)
  }

  @Test func `is rejected with any byte changed`() throws {
    let good = try superblock()
    for byte in 0..<good.count {
      var bad = good
      bad[byte] ^= 1
      #expect(throws: Fault.self, "byte \(byte)") { try Ext4Superblock(bad, partitionSize: size) }
    }
  }

  @Test func `is rejected if it is truncated or has more blocks than the partition`() throws {
    let good = try superblock()
    #expect(throws: Fault.self) { try Ext4Superblock(good, partitionSize: size - 4096) }
    #expect(throws: Fault.self) { try Ext4Superblock(Array(good.dropLast()), partitionSize: size) }
    #expect(throws: Fault.self) { try Ext4Superblock([], partitionSize: size) }
  }

  @Test func `is rejected with unsupported features or recorded errors`() throws {
    // Without a checksum, so that only the changed field is wrong.
    let good = try superblock(["-O", "^metadata_csum"])
    for (offset, value, words) in [
      (0x38, UInt8(0), "magic"), (0x3a, 3, "errors"), (0x62, 4, "features"), (0x18, 9, "block size"),
    ] {
      var bad = good
      bad[offset] = value
      do {
        _ = try Ext4Superblock(bad, partitionSize: size)
        Issue.record("accepted despite its \(words)")
      } catch {
        #expect("\(error)".contains(words), "\(error)")
      }
    }
  }
}

/// A disk image as a loop device with a device for its data partition. Needs root. Detached with the object.
private final class LoopDisk {
  let device: String
  private let image: DiskImage

  init(_ image: DiskImage) throws {
    let attached = try mustRun(["losetup", "--find", "--show", "--partscan", image.path])
    guard let name = attached.lines.first else { throw LabError("losetup printed no device") }
    device = name
    self.image = image
    // Kernels without CONFIG_EFI_PARTITION do not find the partition themselves.
    if Files.kind(of: "\(device)p2") == nil {
      try run(["addpart", device, "2", "\(DiskImage.dataStart)", "\(image.dataSectors)"])
    }
  }

  deinit {
    // A failed test may leave it mounted.
    _ = try? run(["umount", "--all-targets", "\(device)p2"])
    _ = try? run(["delpart", device, "2"])
    _ = try? run(["losetup", "--detach", device])
  }

  /// Returns the root of a sysfs that contains only the data partition, with its current size.
  func sysfs() throws -> String {
    let root = try Lab.temporaryDirectory()
    let name = String(device.split(separator: "/").last ?? "")
    let directory = "\(root)/devices/\(name)/\(name)p2"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try FileManager.default.createDirectory(
      atPath: "\(root)/class/block", withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: "\(root)/class/block/\(name)p2", withDestinationPath: directory)
    try Files.write(
      "\(directory)/uevent", Array("PARTN=2\nPARTNAME=synbox-data\n".utf8), durable: false)
    let size = try SmallFile.read("/sys/class/block/\(name)p2/size", limit: 64)
    try Files.write("\(directory)/size", size, durable: false)
    return root
  }
}

@Suite(.serialized, .timeLimit(.minutes(5))) struct `The data partition` {
  private func mounted(_ data: DataPartition, readOnly: Bool = false) throws -> String {
    let target = try Lab.temporaryDirectory()
    try data.mount(at: target, readOnly: readOnly)
    return target
  }

  /// Grows the file system; returns whether that was possible. It needs CAP_SYS_RESOURCE, which root has on a box, but
  /// not in every container. Without it there must be a fault.
  private func grow(_ data: DataPartition, at target: String, to size: UInt64) throws -> Bool {
    let mayGrow = try Capabilities.current().effective.contains(.CAP_SYS_RESOURCE)
    guard !mayGrow else {
      try data.growFileSystem(at: target, to: size) {}
      return true
    }
    let fault = #expect(throws: Fault.self) { try data.growFileSystem(at: target, to: size) {} }
    #expect(fault?.cause == .notPermitted)
    return false
  }

  @Test func `grows to the end of its disk with its file system and keeps its files`() throws {
    let image = try DiskImage(megabytes: 600)
    try image.makeFileSystem()
    let loop = try LoopDisk(image)
    let data = try DataPartition.find(repairing: true, sysfs: try loop.sysfs())
    #expect(data.partition.disk == loop.device)
    #expect(data.partition.number == 2)

    // Before it grows, with a file in it.
    var target = try mounted(data)
    try Files.write("\(target)/kept", Array(repeating: 7, count: 100_000), durable: true)
    let before = try DiskSpace(of: target).total
    try Mount.detach(target)

    let size = try data.grow()
    #expect(size == (599 << 20) - DiskImage.dataStart * 512)
    target = try mounted(data)
    if try grow(data, at: target, to: size) {
      #expect(try DiskSpace(of: target).total > before * 15)
    }
    let isKept = try Files.read("\(target)/kept") == Array(repeating: 7, count: 100_000)
    #expect(isKept)
    try Mount.detach(target)

    // At the next boot there is nothing left to do.
    let later = try DataPartition.find(repairing: true, sysfs: try loop.sysfs())
    #expect(later.partition.size == size)
    #expect(try later.grow() == size)
    target = try mounted(later)
    try Mount.detach(target)
    #expect(try image.verificationErrors() == "")
    let checked = try run(["e2fsck", "-fn", data.partition.device])
    #expect(checked.status == 0, "\(checked.output)")
  }

  @Test func `is mounted nosuid, nodev and noexec`() throws {
    let image = try DiskImage(megabytes: 40)
    try image.makeFileSystem()
    let loop = try LoopDisk(image)
    let data = try DataPartition.find(repairing: true, sysfs: try loop.sysfs())
    let target = try mounted(data)
    let line = try run(["findmnt", "-n", "-o", "OPTIONS", target]).lines.first ?? ""
    for option in ["rw", "nosuid", "nodev", "noexec", "noatime", "errors=remount-ro"] {
      #expect(line.split(separator: ",").contains(Substring(option)), "\(line)")
    }
    try Mount.detach(target)
  }

  @Test func `mounted read-only does not change by a byte`() throws {
    let image = try DiskImage(megabytes: 40)
    try image.makeFileSystem()
    let bytes = try image.bytes
    do {
      let loop = try LoopDisk(image)
      let data = try DataPartition.find(repairing: false, sysfs: try loop.sysfs())
      let target = try mounted(data, readOnly: true)
      #expect(throws: Fault.self) { try Files.write("\(target)/x", [], durable: false) }
      try Mount.detach(target)
    }
    let isSame = Data(try image.bytes) == Data(bytes)
    #expect(isSame)
  }

  @Test func `that is damaged is reported and not changed`() throws {
    let image = try DiskImage(megabytes: 40)
    try image.makeFileSystem()
    let file = try BlockDevice(image.path, writable: true)
    try file.write([0, 0, 0, 0], at: DiskImage.dataStart * 512 + 1024 + 0x38)
    let bytes = try image.bytes
    do {
      let loop = try LoopDisk(image)
      let sysfs = try loop.sysfs()
      #expect {
        try DataPartition.find(repairing: true, sysfs: sysfs)
      } throws: { error in
        "\(error)".contains("\(loop.device)p2 is damaged") && "\(error)".contains("magic")
      }
    }
    let isSame = Data(try image.bytes) == Data(bytes)
    #expect(isSame)
  }

  @Test func `that exists twice is an error`() throws {
    let root = try Lab.temporaryDirectory()
    for disk in ["sda", "sdb"] {
      let directory = "\(root)/devices/\(disk)/\(disk)2"
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      try "DEVTYPE=partition\nPARTN=2\nPARTNAME=synbox-data\n"
        .write(toFile: "\(directory)/uevent", atomically: false, encoding: .utf8)
      try "2048\n".write(toFile: "\(directory)/size", atomically: false, encoding: .utf8)
      try FileManager.default.createDirectory(
        atPath: "\(root)/class/block", withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(
        atPath: "\(root)/class/block/\(disk)2", withDestinationPath: directory)
    }
    let found = Partition.named("synbox-data", sysfs: root)
    #expect(found.map(\.device) == ["/dev/sda2", "/dev/sdb2"])
    #expect(found.map(\.disk) == ["/dev/sda", "/dev/sdb"])
    #expect(found.map(\.size) == [1 << 20, 1 << 20])
    #expect(throws: Fault.self) { try Partition.only("synbox-data", sysfs: root) }
    #expect(throws: Fault.self) { try Partition.only("other", sysfs: root) }
  }
}
