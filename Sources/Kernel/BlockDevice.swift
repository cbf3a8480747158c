// A block device, or a disk image, read and written by offset.
import CLinux

/// An open block device or regular file (pread(2), pwrite(2)).
public struct BlockDevice: ~Copyable, Sendable {
  private let device: Descriptor
  public let path: String
  /// In bytes.
  public let size: UInt64
  /// The size of a logical sector in bytes; 512 for a regular file.
  public let sectorSize: Int

  public init(_ path: String, writable: Bool = false) throws(Fault) {
    let flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC
    let number = unsafe clinux_open(path, flags, 0)
    guard number >= 0 else { throw Fault("cannot open \(path)", cause: .last) }
    let device = Descriptor(owning: number)
    var size: UInt64 = 0
    var sector: Int32 = 512
    var status = stat()
    if unsafe fstat(number, &status) == 0, status.st_mode & UInt32(S_IFMT) == UInt32(S_IFREG) {
      size = UInt64(max(0, status.st_size))
    } else {
      guard unsafe clinux_device_size(number, &size) == 0,
        unsafe clinux_sector_size(number, &sector) == 0
      else { throw Fault("\(path) is neither a block device nor a regular file", cause: .last) }
    }
    self.device = device
    self.path = path
    self.size = size
    sectorSize = Int(sector)
  }

  /// Returns `count` bytes from `offset`.
  ///
  /// - Throws: a `Fault` if the device has fewer.
  public func read(at offset: UInt64, count: Int) throws(Fault) -> [UInt8] {
    guard offset <= size, UInt64(count) <= size - offset else {
      throw Fault("cannot read \(count) bytes at byte \(offset) of \(path), which has \(size) bytes")
    }
    let number = device.number
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      let from = done
      do throws(Errno) {
        let taken = try syscall {
          unsafe bytes.withUnsafeMutableBytes {
            unsafe pread(number, $0.baseAddress! + from, count - from, off_t(offset) + off_t(from))
          }
        }
        guard taken > 0 else { throw Errno(EIO) }
        done += taken
      } catch {
        throw Fault("cannot read \(path) at byte \(offset)", cause: error)
      }
    }
    return bytes
  }

  /// Writes all of `bytes` and waits until the disk has them.
  public func write(_ bytes: [UInt8], at offset: UInt64) throws(Fault) {
    let number = device.number
    var done = 0
    do throws(Errno) {
      while done < bytes.count {
        let from = done
        done += try syscall {
          unsafe bytes.withUnsafeBytes {
            unsafe pwrite(
              number, $0.baseAddress! + from, bytes.count - from, off_t(offset) + off_t(from))
          }
        }
      }
      try device.sync()
    } catch {
      throw Fault("cannot write \(path) at byte \(offset)", cause: error)
    }
  }

  /// Tells the kernel a partition's new size (BLKPG_RESIZE_PARTITION, linux/blkpg.h). `start` and `length` are in
  /// bytes. The partition may be in use.
  public func resizePartition(_ number: Int, start: UInt64, length: UInt64) throws(Fault) {
    let disk = device.number
    do throws(Errno) {
      try syscall { clinux_resize_partition(disk, Int32(number), Int64(start), Int64(length)) }
    } catch {
      throw Fault("cannot resize partition \(number) of \(path)", cause: error)
    }
  }

  /// Makes the kernel read the partition table again (BLKRRPART). No partition may be in use.
  public func rereadPartitionTable() throws(Fault) {
    let disk = device.number
    do throws(Errno) {
      try syscall { clinux_reread_partition_table(disk) }
    } catch {
      throw Fault("cannot re-read the partition table of \(path)", cause: error)
    }
  }
}

extension Files {
  /// Grows the mounted ext4 file system that holds a directory to `blocks` of its blocks (EXT4_IOC_RESIZE_FS,
  /// fs/ext4/ioctl.c). It may be in use; after a crash it has the old size or the new.
  public static func growExt4(holding directory: String, toBlocks blocks: UInt64) throws(Fault) {
    let number = unsafe clinux_open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    guard number >= 0 else { throw Fault("cannot open the directory \(directory)", cause: .last) }
    let file = Descriptor(owning: number)
    let handle = file.number
    do throws(Errno) {
      try syscall { clinux_resize_ext4(handle, blocks) }
    } catch {
      throw Fault("cannot grow the file system at \(directory) to \(blocks) blocks", cause: error)
    }
  }

  /// Renames a file within its directory durably, on FAT too.
  ///
  /// On FAT a rename alone may leave an entry without content after a power cut. So keep the file open across the
  /// rename, then flush the file, the directory and the file system (fsync(2), syncfs(2)).
  public static func renameDurably(_ name: String, to newName: String, in directory: String)
    throws(Fault)
  {
    let old = "\(directory)/\(name)"
    let number = unsafe clinux_open(old, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0)
    guard number >= 0 else { throw Fault("cannot open \(old)", cause: .last) }
    let file = Descriptor(owning: number)
    try rename(old, to: "\(directory)/\(newName)")
    do throws(Errno) {
      try file.sync()
    } catch {
      throw Fault("cannot flush \(directory)/\(newName)", cause: error)
    }
    try syncDirectory(directory)
    let handle = file.number
    do throws(Errno) {
      try syscall { clinux_sync_filesystem(handle) }
    } catch {
      throw Fault("cannot flush the file system of \(directory)", cause: error)
    }
  }
}
