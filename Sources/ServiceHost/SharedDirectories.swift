// The directories of a box in which services may do what an operator with a shell does.
import Kernel

/// The directories that the scanner and the services share, by a group of their own.
public enum SharedDirectories {
  /// Gives `spool/` and `active/` a group, which the files of a job inherit, unless an administrator has given them to
  /// another one. Both must exist.
  ///
  /// - Parameter data: the data directory.
  /// - Returns: what was changed or left alone, for the log.
  public static func share(_ data: String, with group: UInt32) throws(Fault) -> [String] {
    var notes: [String] = []
    for (name, mode) in [("spool", UInt32(0o2775)), ("active", 0o2700)] {
      notes += try share("\(data)/\(name)", mode, with: group)
    }
    return notes
  }

  private static func share(_ path: String, _ mode: UInt32, with group: UInt32) throws(Fault)
    -> [String]
  {
    guard let status = Files.status(of: path) else { return [] }
    if status.group == group, status.mode & mode == mode { return [] }
    guard status.group == group || status.mode & 0o2020 == 0 else {
      return [
        "\(path) belongs to the group \(status.group), which may change it: left as it is; the service may not"
      ]
    }
    try Files.setGroup(path, group)
    try Files.setMode(path, mode)
    return ["\(path) now belongs to the group \(group), with mode \(String(mode, radix: 8))"]
  }
}
