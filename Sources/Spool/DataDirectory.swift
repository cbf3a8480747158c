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
  ///
  /// - Parameter owner: who is to work in it instead of root, who calls this: what is root's of it becomes his, the
  ///   directory itself, its four, the status files, and what the box has made in active/ and of directories
  ///   in results/. Target files and results stay whose they are.
  public init(_ path: String, owner: Credentials? = nil) throws(Fault) {
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
    if let owner { try requireOurs(toBecomeThatOf: owner) }
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
    if let owner { try handOver(to: owner) }
    try Files.syncDirectory(path)
  }

  // MARK: - Whose it is

  /// A directory of root's in which no box has worked, and which is not empty, is hardly meant to be given away:
  /// it may be /etc.
  private func requireOurs(toBecomeThatOf owner: Credentials) throws(Fault) {
    guard Files.status(of: path + "/.")?.owner == 0, Files.kind(of: active) == nil else { return }
    let foreign = try Files.entries(of: path).first { !Self.own.contains($0.text ?? "") }
    guard let foreign else { return }
    throw Fault(
      "the data directory \(path) is root's and holds \(foreign), which is no box's",
      remedy: "Give the box a directory of its own, or this one to \(owner) by chown")
  }

  private func handOver(to owner: Credentials) throws(Fault) {
    try Files.handOver(path + "/.", to: owner)
    for name in Self.own where !Self.foreign.contains(name) {
      try Files.handOver("\(path)/\(name)", to: owner)
    }
    for job in try Files.handOver(entriesOf: active, to: owner) {
      guard let name = job.text else { continue }
      try Files.handOver(entriesOf: "\(active)/\(name)", to: owner) {
        JobName.own.contains($0.text ?? "")
      }
    }
    try Files.handOver(entriesOf: results, to: owner)
  }

  private static let foreign: Set = ["lost+found"]
  private static let own: Set = foreign.union([
    "spool", "active", "results", "rejected", "status.json", "status.json.new", "metrics.prom",
    "metrics.prom.new",
  ])

  /// Throws a `Fault` unless this process's user may work in all of it.
  public func requireUsable() throws(Fault) {
    for directory in [path, spool, active, results, rejected]
    where !Files.isUsable(directory, for: .work) {
      throw Fault(
        "\(Credentials.current()) may not work in \(directory)",
        remedy:
          "Give it to that user by chown, with all directories above it open to him (chmod o+x), or "
          + "let `user` in the configuration be the one whose it is")
    }
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
