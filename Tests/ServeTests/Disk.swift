// A disk of a test's own, which fills up and loses its power.
import Foundation
import LabSupport

/// An ext4 file system in an image, mounted where the box has its data. The image lies in a file system of its
/// own: that one can be frozen, and with it every write to the disk at whatever moment.
final class Disk {
  private let place: String
  private let outer: String
  private var image: String { "\(outer)/image" }
  private var ballast: String { "\(place)/ballast" }

  init(at place: URL, megabytes: Int) throws {
    guard geteuid() == 0 else { throw LabError("this test mounts file systems: run it as root") }
    self.place = place.path
    outer = place.deletingLastPathComponent().appending(path: "outer").path
    try FileManager.default.createDirectory(atPath: outer, withIntermediateDirectories: true)
    try Self.make("\(outer).image", megabytes: megabytes * 2 + 16)
    try Self.must(["mount", "-o", "loop", "\(outer).image", outer])
    try Self.make(image, megabytes: megabytes)
    try plug()
  }

  /// Takes it away, also from under a program that still runs.
  func remove() {
    for place in [place, outer] {
      // A loop device lets go of its image a moment after it was unmounted.
      for _ in 0..<20 {
        if let outcome = try? run(["umount", place]), outcome.status == 0 { break }
        Thread.sleep(forTimeInterval: 0.1)
      }
      if let rest = try? run(["mountpoint", "-q", place]), rest.status == 0 {
        _ = try? run(["umount", "--lazy", place])
      }
    }
  }

  private static func make(_ path: String, megabytes: Int) throws {
    try must(["truncate", "-s", "\(megabytes)M", path])
    try must(["mkfs.ext4", "-q", "-m", "0", path])
  }

  private func plug() throws { try Self.must(["mount", "-o", "loop", image, place]) }

  /// Cuts the power: what the disk holds at this moment is all that stays.
  ///
  /// - Parameter dying: ends whoever writes to it.
  func cut(_ dying: () -> Void) throws {
    try Self.must(["fsfreeze", "--freeze", outer])
    defer { _ = try? run(["fsfreeze", "--unfreeze", outer]) }
    try Self.must(["cp", image, "\(outer).copy"])
    dying()
  }

  /// Repairs the file system and mounts it again, when nobody uses the old one any more.
  func replug() throws {
    try Self.must(["umount", place])
    let check = try run(["e2fsck", "-fy", "\(outer).copy"])
    // 1: errors were corrected.
    guard check.status <= 1 else { throw LabError("e2fsck: \(check.output)") }
    try Self.must(["cp", "\(outer).copy", image])
    try plug()
  }

  func fill() throws {
    let filled = try run(["dd", "if=/dev/zero", "of=\(ballast)", "bs=4k", "conv=fsync"])
    guard filled.errors.contains("No space left") else { throw LabError(filled.errors) }
  }

  func empty() throws { try FileManager.default.removeItem(atPath: ballast) }

  /// Lets it take no writes, when nobody is writing, or again; also for a program that runs, which has mounts of
  /// its own.
  func setReadOnly(_ isReadOnly: Bool, for program: Running? = nil) throws {
    let inside = program.map { ["nsenter", "-t", "\($0.pid)", "-m"] } ?? []
    try Self.must(inside + ["mount", "-o", "remount,\(isReadOnly ? "ro" : "rw")", place])
  }

  private static func must(_ arguments: [String]) throws {
    let outcome = try run(arguments)
    guard outcome.status == 0 else { throw LabError("\(arguments): \(outcome.errors)") }
  }
}
