// The directories of the box, and that nobody else works in them.
import Kernel

/// The data directory: `spool/`, `active/`, `results/`, `rejected/`, and the status files beside them.
public final class DataDirectory: Sendable {
  public let path: String
  /// Where operators put target files.
  public var spool: String { "\(path)/spool" }
  /// One directory for each job that was begun and has not ended.
  public var active: String { "\(path)/active" }
  public var results: String { "\(path)/results" }
  public var rejected: String { "\(path)/rejected" }
  public var status: String { "\(path)/status.json" }
  public var metrics: String { "\(path)/metrics.prom" }

  /// Held as long as the process lives.
  private let lock: Descriptor

  /// Makes the four directories where they are missing. Throws a `Fault` when the data directory is not
  /// there, when another process uses it, and when the four are not on one file system: a job moves
  /// between them by rename, which is only possible, and only all or nothing, within one.
  public init(_ path: String) throws(Fault) {
    guard Files.kind(of: path + "/.") == .directory else {
      throw Fault(
        "there is no data directory \(path)", remedy: "Make it, or mount what holds it, first")
    }
    guard let lock = try Files.lockDirectory(path) else {
      throw Fault(
        "another process serves the data directory \(path)",
        remedy: "Stop it, or give this one a directory of its own")
    }
    self.lock = lock
    self.path = path
    for directory in [spool, active, results, rejected] { try Files.makeDirectory(directory) }
    let spoolDevice = Files.status(of: spool)?.device
    for directory in [active, results, rejected] {
      guard Files.status(of: directory)?.device == spoolDevice else {
        throw Fault(
          "\(spool) and \(directory) are not on one file system, so that no file could be moved from one "
            + "to the other in one step",
          remedy: "Mount one file system at \(path), and nothing below it")
      }
    }
    try Files.syncDirectory(path)
  }

  /// `name`, or the first of `name.2`, `name.3`, … that no job has or had.
  func freeName(for name: String) -> String {
    var candidate = name
    var number = 1
    while [active, results, rejected].contains(where: { Files.kind(of: "\($0)/\(candidate)") != nil }) {
      number += 1
      candidate = "\(name).\(number)"
    }
    return candidate
  }
}
