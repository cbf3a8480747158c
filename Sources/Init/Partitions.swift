// Disks and partitions in sysfs (Documentation/ABI/stable/sysfs-block).
import Kernel

/// A partition known to the kernel.
public struct Partition: Hashable, Sendable {
  /// For example `/dev/vda2`.
  public let device: String
  /// For example `/dev/vda`.
  public let disk: String
  /// From 1.
  public let number: Int
  /// Bytes.
  public let size: UInt64

  /// Returns the partitions with this name (`PARTNAME` in uevent, PARTLABEL in the GPT).
  public static func named(_ name: String, sysfs: String = "/sys", devices: String = "/dev") -> [Self] {
    let directory = "\(sysfs)/class/block"
    return ((try? SmallFile.names(in: directory)) ?? []).compactMap { block in
      let entry = "\(directory)/\(block)"
      let event = variables(text("\(entry)/uevent"))
      // A partition's directory is in its disk's.
      guard event["PARTNAME"] == name, let number = event["PARTN"].flatMap({ Int($0) }),
        let disk = Files.resolved(entry).map({ Files.parent(of: $0) })?.split(separator: "/").last,
        let sectors = UInt64(text("\(entry)/size").filter { $0 != "\n" })
      else { return nil }
      // sysfs counts units of 512 bytes, whatever the disk's sector size.
      return Partition(
        device: "\(devices)/\(block)", disk: "\(devices)/\(disk)", number: number, size: sectors * 512)
    }
  }

  /// Returns the partition with this name. Throws a `Fault` unless there is exactly one.
  public static func only(_ name: String, sysfs: String = "/sys", devices: String = "/dev")
    throws(Fault) -> Self
  {
    let found = named(name, sysfs: sysfs, devices: devices)
    guard let one = found.first else { throw Fault("there is no partition named \(name)") }
    guard found.count == 1 else {
      throw Fault(
        "there are \(found.count) partitions named \(name): "
          + found.map(\.device).joined(separator: ", "), remedy: "Remove all but one of these disks")
    }
    return one
  }

  /// Returns the devices of whole disks, without loop devices, RAM disks, optical and floppy drives.
  static func disks(sysfs: String, devices: String) -> [String] {
    ((try? SmallFile.names(in: "\(sysfs)/block")) ?? [])
      .filter { name in !["loop", "ram", "zram", "sr", "fd"].contains { name.hasPrefix($0) } }
      .map { "\(devices)/\($0)" }
  }

  /// Parses lines `KEY=value`. The first line with a key wins.
  private static func variables(_ text: String) -> [String: String] {
    var values: [String: String] = [:]
    for line in text.split(separator: "\n") {
      guard let equals = line.firstIndex(of: "=") else { continue }
      let key = String(line[..<equals])
      values[key] = values[key] ?? String(line[line.index(after: equals)...])
    }
    return values
  }

  private static func text(_ path: String) -> String {
    String(decoding: (try? SmallFile.read(path, limit: 4096)) ?? [], as: UTF8.self)
  }
}
