// The data partition: judged by its superblock, grown while it is mounted.
import Foundation
import Init
import Kernel
import LabSupport
import Testing

@Suite struct `The superblock of ext4` {
  private func superblock(_ options: [String] = []) throws -> [UInt8] {
    let disk = try DiskImage()
    try disk.makeFileSystem(options: options)
    let start = Int(DiskImage.dataStart * 512 + Ext4Superblock.place)
    return Array(try disk.bytes[start..<start + Ext4Superblock.length])
  }

  private let size: UInt64 = 32 << 20

  @Test func `is believed as mkfs.ext4 makes it`() throws {
    let block = try Ext4Superblock(try superblock(), partitionSize: size)
    #expect(block.blockSize == 4096)
    #expect(block.blocks == size / 4096)
    #expect(block.hasChecksum)
    let plain = try superblock(["-O", "^metadata_csum"])
    #expect(try !Ext4Superblock(plain, partitionSize: size).hasChecksum)
  }

  @Test func `is refused with any byte changed`() throws {
    let good = try superblock()
    for byte in 0..<good.count {
      var bad = good
      bad[byte] ^= 1
      #expect(throws: Fault.self, "byte \(byte)") { try Ext4Superblock(bad, partitionSize: size) }
    }
  }

  @Test func `is refused when it claims more than there is, or is cut off`() throws {
    let good = try superblock()
    #expect(throws: Fault.self) { try Ext4Superblock(good, partitionSize: size - 4096) }
    #expect(throws: Fault.self) { try Ext4Superblock(Array(good.dropLast()), partitionSize: size) }
    #expect(throws: Fault.self) { try Ext4Superblock([], partitionSize: size) }
  }

  @Test func `is refused with features or faults that are not for us`() throws {
    // Without checksums, so that the change alone is what is wrong.
    let good = try superblock(["-O", "^metadata_csum"])
    for (offset, value, words) in [
      (0x38, UInt8(0), "magic"), (0x3a, 3, "errors"), (0x62, 4, "features"), (0x18, 9, "block size"),
    ] {
      var bad = good
      bad[offset] = value
      do {
        _ = try Ext4Superblock(bad, partitionSize: size)
        Issue.record("\(words) is believed")
      } catch {
        #expect("\(error)".contains(words), "\(error)")
      }
    }
  }
}

/// A disk image as a block device of its own, with its data partition; needs root. Detached when it goes out of
/// scope.
private final class LoopDisk {
  let device: String
  private let image: DiskImage

  init(_ image: DiskImage) throws {
    let made = try run(["losetup", "--find", "--show", "--partscan", image.path])
    guard made.status == 0, let name = made.lines.first else {
      throw LabError("losetup: \(made.errors)")
    }
    device = name
    self.image = image
    // Not every kernel that tests run on reads GPT; where this one does, the partition is there already.
    if Files.kind(of: "\(device)p2") == nil {
      try run(["addpart", device, "2", "\(DiskImage.dataStart)", "\(image.dataSectors)"])
    }
  }

  deinit {
    // What a failed test has left mounted.
    _ = try? run(["umount", "--all-targets", "\(device)p2"])
    _ = try? run(["delpart", device, "2"])
    _ = try? run(["losetup", "--detach", device])
  }

  /// A sysfs that shows the data partition alone, with its size as the kernel has it now.
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

@Suite(.serialized) struct `The data partition` {
  private func mounted(_ data: DataPartition, readOnly: Bool = false) throws -> String {
    let target = try Lab.temporaryDirectory()
    try data.mount(at: target, readOnly: readOnly)
    return target
  }

  /// The kernel grows a file system for whoever has CAP_SYS_RESOURCE, which not every machine's root has; the
  /// box's has it, as its boot test shows. Without it there must be a fault, and nothing else.
  private func grow(_ data: DataPartition, at target: String, to size: UInt64) throws -> Bool {
    let may = try Capabilities.current().effective.contains(.CAP_SYS_RESOURCE)
    guard !may else {
      try data.growFileSystem(at: target, to: size) {}
      return true
    }
    let fault = #expect(throws: Fault.self) { try data.growFileSystem(at: target, to: size) {} }
    #expect(fault?.cause == .notPermitted)
    return false
  }

  @Test func `is found, grown to the disk's end with its file system, and keeps what it holds`() throws
  {
    let image = try DiskImage(megabytes: 600)
    try image.makeFileSystem()
    let loop = try LoopDisk(image)
    let data = try DataPartition.find(mending: true, sysfs: try loop.sysfs())
    #expect(data.partition.disk == loop.device)
    #expect(data.partition.number == 2)

    // As it was written, with a file in it.
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

    // And again, as at the next boot: nothing is left to be done.
    let later = try DataPartition.find(mending: true, sysfs: try loop.sysfs())
    #expect(later.partition.size == size)
    #expect(try later.grow() == size)
    target = try mounted(later)
    try Mount.detach(target)
    #expect(try image.complaints() == "")
    let judged = try run(["e2fsck", "-fn", data.partition.device])
    #expect(judged.status == 0, "\(judged.output)")
  }

  @Test func `is mounted without program, device or set-uid`() throws {
    let image = try DiskImage(megabytes: 40)
    try image.makeFileSystem()
    let loop = try LoopDisk(image)
    let data = try DataPartition.find(mending: true, sysfs: try loop.sysfs())
    let target = try mounted(data)
    let line = try run(["findmnt", "-n", "-o", "OPTIONS", target]).lines.first ?? ""
    for word in ["rw", "nosuid", "nodev", "noexec", "noatime", "errors=remount-ro"] {
      #expect(line.split(separator: ",").contains(Substring(word)), "\(line)")
    }
    try Mount.detach(target)
  }

  @Test func `read-only is left as it is to the last byte`() throws {
    let image = try DiskImage(megabytes: 40)
    try image.makeFileSystem()
    let bytes = try image.bytes
    do {
      let loop = try LoopDisk(image)
      let data = try DataPartition.find(mending: false, sysfs: try loop.sysfs())
      let target = try mounted(data, readOnly: true)
      #expect(throws: Fault.self) { try Files.write("\(target)/x", [], durable: false) }
      try Mount.detach(target)
    }
    let isSame = Data(try image.bytes) == Data(bytes)
    #expect(isSame)
  }

  @Test func `that is damaged is named, and left as it is`() throws {
    let image = try DiskImage(megabytes: 40)
    try image.makeFileSystem()
    let file = try BlockDevice(image.path, writable: true)
    try file.write([0, 0, 0, 0], at: DiskImage.dataStart * 512 + 1024 + 0x38)
    let bytes = try image.bytes
    do {
      let loop = try LoopDisk(image)
      let sysfs = try loop.sysfs()
      #expect {
        try DataPartition.find(mending: true, sysfs: sysfs)
      } throws: { error in
        "\(error)".contains("\(loop.device)p2 is damaged") && "\(error)".contains("magic")
      }
    }
    let isSame = Data(try image.bytes) == Data(bytes)
    #expect(isSame)
  }

  @Test func `that is there twice is not guessed at`() throws {
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
