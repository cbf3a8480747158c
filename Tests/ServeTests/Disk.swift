// A disk for one test, which can fill up, lose power or become read-only.
import Foundation
import LabSupport

/// An ext4 file system in an image, mounted as the box's data directory. The image is in a file system of its own,
/// which can be frozen to stop every write to the disk at any moment.
final class Disk {
  private let mountPoint: String
  private let outer: String
  private var image: String { "\(outer)/image\(generation)" }
  /// How often the disk has been plugged in again.
  private var generation = 0
  private var ballast: String { "\(mountPoint)/ballast" }

  init(at mountPoint: URL, megabytes: Int) throws {
    guard geteuid() == 0 else { throw LabError("this test mounts file systems: run it as root") }
    self.mountPoint = mountPoint.path
    outer = mountPoint.deletingLastPathComponent().appending(path: "outer").path
    try FileManager.default.createDirectory(atPath: outer, withIntermediateDirectories: true)
    try Self.make("\(outer).image", megabytes: megabytes * 4 + 16)
    try Self.must(["mount", "-o", "loop", "\(outer).image", outer])
    try Self.make(image, megabytes: megabytes)
    try plug()
  }

  /// Unmounts the disk, even while a program uses it.
  func remove() {
    _ = try? run(["fsfreeze", "--unfreeze", mountPoint])
    for directory in [mountPoint, outer] {
      // A loop device releases its image only some time after the unmount.
      for _ in 0..<20 {
        if let outcome = try? run(["umount", directory]), outcome.status == 0 { break }
        Thread.sleep(forTimeInterval: 0.1)
      }
      if let check = try? run(["mountpoint", "-q", directory]), check.status == 0 {
        _ = try? run(["umount", "--lazy", directory])
      }
    }
  }

  private static func make(_ path: String, megabytes: Int) throws {
    try must(["truncate", "-s", "\(megabytes)M", path])
    try must(["mkfs.ext4", "-q", "-m", "0", path])
  }

  private func plug() throws { try Self.must(["mount", "-o", "loop", image, mountPoint]) }

  /// Makes every write to the disk wait until `thaw`.
  func freeze() throws { try Self.must(["fsfreeze", "--freeze", mountPoint]) }
  func thaw() throws { try Self.must(["fsfreeze", "--unfreeze", mountPoint]) }

  /// Cuts the power: the disk keeps only what it holds at this moment.
  ///
  /// - Parameter kill: ends the programs that use the disk.
  func cut(_ kill: () -> Void) throws {
    try Self.must(["fsfreeze", "--freeze", outer])
    defer { _ = try? run(["fsfreeze", "--unfreeze", outer]) }
    try Self.must(["cp", image, "\(outer).copy"])
    kill()
  }

  /// Repairs the file system and mounts it again. No program may still use the disk.
  func replug() throws {
    try Self.must(["umount", mountPoint])
    let check = try run(["e2fsck", "-fy", "\(outer).copy"])
    // 1: errors were corrected.
    guard check.status <= 1 else { throw LabError("e2fsck: \(check.output)") }
    // Another file, because the kernel may still hold the old one, with its cache: programs that run in a namespace of their
    // own see an unmount a little later.
    let old = image
    generation += 1
    try Self.must(["cp", "\(outer).copy", image])
    try FileManager.default.removeItem(atPath: old)
    try plug()
  }

  func fill() throws {
    let filled = try run(["dd", "if=/dev/zero", "of=\(ballast)", "bs=4k", "conv=fsync"])
    guard filled.errors.contains("No space left") else { throw LabError(filled.errors) }
  }

  func empty() throws { try FileManager.default.removeItem(atPath: ballast) }

  /// Makes the disk read-only or writable.
  ///
  /// - Parameter program: changes the mount in this running program's mount namespace.
  func setReadOnly(_ isReadOnly: Bool, for program: Running? = nil) throws {
    let inside = program.map { ["nsenter", "-t", "\($0.pid)", "-m"] } ?? []
    try Self.must(inside + ["mount", "-o", "remount,\(isReadOnly ? "ro" : "rw")", mountPoint])
  }

  private static func must(_ arguments: [String]) throws {
    let outcome = try run(arguments)
    guard outcome.status == 0 else { throw LabError("\(arguments): \(outcome.errors)") }
  }
}
