// Disks and partitions as sysfs shows them (Documentation/ABI/stable/sysfs-block).
import Kernel

/// A partition that the kernel has found.
public struct Partition: Hashable, Sendable {
  /// For example /dev/vda2 and /dev/vda.
  public let device: String
  public let disk: String
  /// From 1.
  public let number: Int
  /// Bytes.
  public let size: UInt64

  /// The partitions of this name (PARTLABEL in the GPT).
  public static func named(_ name: String, sysfs: String = "/sys", devices: String = "/dev") -> [Self] {
    let directory = "\(sysfs)/class/block"
    return ((try? SmallFile.names(in: directory)) ?? []).compactMap { block in
      let entry = "\(directory)/\(block)"
      let event = variables(text("\(entry)/uevent"))
      // A partition's directory lies in its disk's.
      guard event["PARTNAME"] == name, let number = event["PARTN"].flatMap({ Int($0) }),
        let disk = Files.resolved(entry).map({ Files.parent(of: $0) })?.split(separator: "/").last,
        let sectors = UInt64(text("\(entry)/size").filter { $0 != "\n" })
      else { return nil }
      // The kernel counts in 512 bytes there, whatever the disk does.
      return Partition(
        device: "\(devices)/\(block)", disk: "\(devices)/\(disk)", number: number, size: sectors * 512)
    }
  }

  /// The one partition of this name. A `Fault` where there is none, or several: which one is meant is not
  /// ours to guess.
  public static func only(_ name: String, sysfs: String = "/sys", devices: String = "/dev")
    throws(Fault) -> Self
  {
    let found = named(name, sysfs: sysfs, devices: devices)
    guard let one = found.first else { throw Fault("there is no partition named \(name)") }
    guard found.count == 1 else {
      throw Fault(
        "there are \(found.count) partitions named \(name): "
          + found.map(\.device).joined(separator: ", "), remedy: "Leave one of these disks in the box")
    }
    return one
  }

  /// Disks, without partitions and without what lies in memory.
  static func disks(sysfs: String, devices: String) -> [String] {
    ((try? SmallFile.names(in: "\(sysfs)/block")) ?? [])
      .filter { name in !["loop", "ram", "zram", "sr", "fd"].contains { name.hasPrefix($0) } }
      .map { "\(devices)/\($0)" }
  }

  /// Lines `KEY=value`; of two with one key the first.
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
