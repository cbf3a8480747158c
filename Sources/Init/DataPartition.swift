// The data partition: checks it, grows it to the end of its disk, and mounts it. Never writes to a partition or a
// partition table that it does not recognize.
import Kernel

/// A data partition with an intact superblock.
public struct DataPartition {
  public static let name = "synbox-data"
  /// Where PID 1 mounts it.
  public static let mountPoint = "/data"

  /// Returns whether a path is the mount point or below it.
  public static func holds(_ path: String) -> Bool {
    path == mountPoint
      || path.hasPrefix(mountPoint + "/") && !path.split(separator: "/").contains("..")
  }

  public let partition: Partition
  private let superblock: Ext4Superblock

  /// Finds the partition by its name and checks its superblock.
  ///
  /// - Parameter repairing: whether to repair a primary partition table that a power cut left half written. Otherwise
  ///   nothing is written.
  public static func find(
    repairing: Bool, sysfs: String = "/sys", devices: String = "/dev"
  ) throws(Fault) -> Self {
    do throws(Fault) {
      return try Self(try Partition.only(name, sysfs: sysfs, devices: devices))
    } catch {
      guard repairing, Partition.named(name, sysfs: sysfs, devices: devices).isEmpty,
        try repairTable(sysfs: sysfs, devices: devices)
      else { throw error }
      return try Self(try Partition.only(name, sysfs: sysfs, devices: devices))
    }
  }

  private init(_ partition: Partition) throws(Fault) {
    self.partition = partition
    let device = try BlockDevice(partition.device)
    let bytes = try device.read(at: Ext4Superblock.offset, count: Ext4Superblock.size)
    do throws(Fault) {
      superblock = try Ext4Superblock(bytes, partitionSize: device.size)
    } catch {
      throw Fault(
        "the data partition \(partition.device) is damaged: \(error.what)",
        remedy: "It has not been changed; check it with e2fsck on another machine")
    }
  }

  /// Repairs the primary table of the first disk that needs it. Returns whether there was one.
  private static func repairTable(sysfs: String, devices: String) throws(Fault) -> Bool {
    for path in Partition.disks(sysfs: sysfs, devices: devices) {
      guard let device = try? BlockDevice(path, writable: true) else { continue }
      let (sectors, size) = (device.size / UInt64(device.sectorSize), device.sectorSize)
      let number = GPTGrowth.partitionOfBrokenTable(
        named: name, sectors: sectors, sectorSize: size
      ) { lba, count throws(Fault) in
        try device.read(at: lba * UInt64(size), count: count * size)
      }
      guard let number else { continue }
      _ = try growTable(device, number)
      try device.rereadPartitionTable()
      return true
    }
    return false
  }

  /// Grows the partition to the end of its disk, in the partition table and in the kernel. Returns its size in bytes.
  public func grow() throws(Fault) -> UInt64 {
    let disk = try BlockDevice(partition.disk, writable: true)
    let sectors = try Self.growTable(disk, partition.number)
    let length = UInt64(sectors.count) * UInt64(disk.sectorSize)
    if length > partition.size {
      try disk.resizePartition(
        partition.number, start: sectors.lowerBound * UInt64(disk.sectorSize), length: length)
    }
    return max(length, partition.size)
  }

  /// Grows partition `number` in the table on the disk. Returns its sectors.
  package static func growTable(_ disk: borrowing BlockDevice, _ number: Int) throws(Fault)
    -> ClosedRange<UInt64>
  {
    let size = UInt64(disk.sectorSize)
    var growth: GPTGrowth?
    var failure: Fault?
    do throws(Fault) {
      growth = try Self.growth(disk, number)
    } catch {
      failure = error
    }
    guard let growth else {
      throw Fault(
        "cannot grow the partition table of \(disk.path)", detail: failure?.description)
    }
    for write in growth.writes { try disk.write(write.bytes, at: write.lba * size) }
    return growth.partition
  }

  private static func growth(_ disk: borrowing BlockDevice, _ number: Int) throws(Fault) -> GPTGrowth {
    let size = disk.sectorSize
    // A closure cannot capture a borrowed disk, so each read opens it again.
    return try GPTGrowth(
      partition: number, sectors: disk.size / UInt64(size), sectorSize: size
    ) { lba, count throws(Fault) in
      try BlockDevice(disk.path).read(at: lba * UInt64(size), count: count * size)
    }
  }

  /// Mounts the partition at `target`. A read-only mount does not even replay the file system's journal.
  public func mount(at target: String, readOnly: Bool) throws(Fault) {
    var options: Mount.Options = [.dataOnly, .noAccessTimes]
    if readOnly { options.insert(.readOnly) }
    try Mount.attach(
      partition.device, at: target, type: "ext4", options,
      data: readOnly ? "noload" : "errors=remount-ro")
  }

  /// Grows the file system mounted at `target` to `size` bytes, the size of the partition.
  ///
  /// - Parameter beforeEachStep: called before each step of at most 256 GiB, which takes a few seconds.
  public func growFileSystem(at target: String, to size: UInt64, beforeEachStep: () -> Void)
    throws(Fault)
  {
    let wanted = size / superblock.blockSize
    let step = (256 << 30) / superblock.blockSize
    var blocks = superblock.blocksCount
    while blocks < wanted {
      blocks = min(wanted, blocks + step)
      beforeEachStep()
      try Files.growExt4(holding: target, toBlocks: blocks)
    }
  }
}
