// The partition that holds the spool and the results: looked at, grown, mounted. What is odd about it is said,
// and it stays as it is.
import Kernel

/// The data partition on its way to /data.
public struct DataPartition {
  public static let name = "synbox-data"
  public let partition: Partition
  private let superblock: Ext4Superblock

  /// Finds it, and looks at its superblock. Nothing is written, except where the table at a disk's start was
  /// cut off while it was written: that is mended first, if `mending`.
  public static func find(
    mending: Bool, sysfs: String = "/sys", devices: String = "/dev"
  ) throws(Fault) -> Self {
    do throws(Fault) {
      return try Self(try Partition.only(name, sysfs: sysfs, devices: devices))
    } catch {
      guard mending, Partition.named(name, sysfs: sysfs, devices: devices).isEmpty,
        try mendTable(sysfs: sysfs, devices: devices)
      else { throw error }
      return try Self(try Partition.only(name, sysfs: sysfs, devices: devices))
    }
  }

  private init(_ partition: Partition) throws(Fault) {
    self.partition = partition
    let device = try BlockDevice(partition.device)
    let bytes = try device.read(at: Ext4Superblock.place, count: Ext4Superblock.length)
    do throws(Fault) {
      superblock = try Ext4Superblock(bytes, partitionSize: device.size)
    } catch {
      throw Fault(
        "the data partition \(partition.device) is damaged, or is none: \(error.what)",
        remedy: "It is left as it is; look at it with e2fsck on another machine")
    }
  }

  /// Whether a disk's table was mended.
  private static func mendTable(sysfs: String, devices: String) throws(Fault) -> Bool {
    for path in Partition.disks(sysfs: sysfs, devices: devices) {
      guard let device = try? BlockDevice(path, writable: true) else { continue }
      let (sectors, size) = (device.size / UInt64(device.sectorSize), device.sectorSize)
      let number = GPTGrowth.brokenTable(naming: name, sectors: sectors, sectorSize: size) {
        place, count throws(Fault) in try device.read(at: place * UInt64(size), count: count * size)
      }
      guard let number else { continue }
      _ = try growTable(device, number)
      try device.readPartitionsAgain()
      return true
    }
    return false
  }

  /// Grows it to the end of its disk, in the table and to the kernel. Its size in bytes.
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

  /// The partition's sectors.
  package static func growTable(_ disk: borrowing BlockDevice, _ number: Int) throws(Fault)
    -> ClosedRange<UInt64>
  {
    let size = UInt64(disk.sectorSize)
    var growth: GPTGrowth?
    var failed: Fault?
    do throws(Fault) {
      growth = try Self.growth(disk, number)
    } catch {
      failed = error
    }
    guard let growth else {
      throw Fault(
        "the partition table of \(disk.path) is left as it is: \(failed?.description ?? "")")
    }
    for write in growth.writes { try disk.write(write.bytes, at: write.place * size) }
    return growth.partition
  }

  private static func growth(_ disk: borrowing BlockDevice, _ number: Int) throws(Fault) -> GPTGrowth {
    let size = disk.sectorSize
    // A closure cannot borrow; the whole of what may be read is bounded (1 MiB a copy).
    return try GPTGrowth(
      partition: number, sectors: disk.size / UInt64(size), sectorSize: size
    ) { place, count throws(Fault) in
      try BlockDevice(disk.path).read(at: place * UInt64(size), count: count * size)
    }
  }

  /// Mounts it at `target`. Read-only means that not even the journal is played back.
  public func mount(at target: String, readOnly: Bool) throws(Fault) {
    var options: Mount.Options = [.dataOnly, .noAccessTimes]
    if readOnly { options.insert(.readOnly) }
    try Mount.attach(
      partition.device, at: target, type: "ext4", options,
      data: readOnly ? "noload" : "errors=remount-ro")
  }

  /// Grows the file system, mounted at `target`, to `size` bytes, the partition's.
  ///
  /// - Parameter meanwhile: called before each step of at most 256 GiB, which takes some seconds.
  public func growFileSystem(at target: String, to size: UInt64, meanwhile: () -> Void)
    throws(Fault)
  {
    let wanted = size / superblock.blockSize
    let step = (256 << 30) / superblock.blockSize
    var blocks = superblock.blocks
    while blocks < wanted {
      blocks = min(wanted, blocks + step)
      meanwhile()
      try Files.growExt4(holding: target, toBlocks: blocks)
    }
  }
}
