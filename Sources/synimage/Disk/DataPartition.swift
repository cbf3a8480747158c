// The data partition of an image that is not in use. debugfs(8) accesses it, so nothing is mounted.
import Foundation
import Kernel

/// An ext4 file system inside an image file.
struct DataPartition {
  /// `FILE?offset=N`, the form e2fsprogs accepts.
  private let device: String
  private let image: String
  private let partition: Partition

  /// - Throws: a `Fault` if the image does not have exactly one data partition.
  init(image: String) throws {
    guard FileManager.default.fileExists(atPath: image) else { throw Fault("no such file: \(image)") }
    guard !image.contains("?") else {
      throw Fault(
        "\(image) cannot be used", detail: "e2fsprogs would read options after the ?",
        remedy: "Rename it")
    }
    partition = try Partitions.data(of: image)
    self.image = image
    device = "\(image)?offset=\(partition.start)"
  }

  /// Replays the journal and repairs the file system, as the box does at boot.
  ///
  /// e2fsck runs on a copy of the partition because e2fsck 1.47 loses the offset when it reopens the file after a replay.
  ///
  /// - Throws: a `Fault` if the file system cannot be repaired.
  func recover() throws {
    let scratch = try TemporaryDirectory(in: Files.parent(of: image))
    defer { scratch.remove() }
    let (before, copy) = (scratch.path("before"), scratch.path("partition"))
    try Tool(
      "dd",
      [
        "if=\(image)", "of=\(before)", "bs=1M", "iflag=skip_bytes,count_bytes",
        "skip=\(partition.start)",
        "count=\(partition.size)", "conv=sparse",
      ]
    ).run()
    // dd drops a hole at the end.
    try Tool("truncate", ["--size=\(partition.size)", before]).run()
    try Tool("cp", ["--sparse=always", "--reflink=auto", "--", before, copy]).run()
    // 0: clean, 1: repaired (e2fsck(8)).
    let outcome = try Tool("e2fsck", ["-f", "-p", copy]).attempt()
    guard outcome.status <= 1 else {
      throw Fault(
        "the data partition of \(image) is damaged",
        detail: (outcome.output + outcome.errors).split(separator: "\n").suffix(3).joined(
          separator: "; "))
    }
    // The status is also 0 after a replay, so compare.
    guard try Tool("cmp", ["-s", before, copy]).attempt().status != 0 else { return }
    try Tool(
      "dd",
      [
        "if=\(copy)", "of=\(image)", "bs=1M", "oflag=seek_bytes", "seek=\(partition.start)",
        "conv=notrunc",
      ]
    ).run()
  }

  /// Returns the type of a file as debugfs prints it ("regular", "directory"); nil if there is none.
  func kind(of path: String) throws -> String? {
    let outcome = try debug("stat \(try Self.quoted(path))")
    guard let type = outcome.output.firstMatch(of: /Type: (\w+)/) else { return nil }
    return String(type.1)
  }

  func makeDirectory(_ path: String, mode: Int? = nil) throws {
    if try kind(of: path) == "directory" { return }
    try debug("mkdir \(try Self.quoted(path))", writing: true)
    if let mode {
      // 040000: a directory.
      let field = "0\(String(0o40000 | mode, radix: 8))"
      try debug("set_inode_field \(try Self.quoted(path)) mode \(field)", writing: true)
    }
    guard try kind(of: path) == "directory" else { throw Fault("cannot create \(path) in \(image)") }
  }

  /// Copies a file into a directory of the partition. Writes under a name that the spool ignores, reads the file back,
  /// and renames it only if it is complete.
  ///
  /// - Parameters:
  ///   - mode: by default 0644, because the scanner runs as another user.
  ///   - isReplacing: whether an earlier file of this name is removed.
  func write(
    _ file: String, to directory: String, as name: String, mode: Int = 0o644, isReplacing: Bool = false
  ) throws {
    let (part, path) = ("\(directory)/.\(name).part", "\(directory)/\(name)")
    if isReplacing, try kind(of: path) == "regular" {
      try debug("rm \(try Self.quoted(path))", writing: true)
    }
    if try kind(of: path) != nil { throw Fault("\(path) exists in \(image)") }
    if try kind(of: part) != nil { try debug("rm \(try Self.quoted(part))", writing: true) }
    try debug("write \(try Self.quoted(file)) \(try Self.quoted(part))", writing: true)
    // 0100000: a regular file.
    let field = "0\(String(0o100000 | mode, radix: 8))"
    try debug("set_inode_field \(try Self.quoted(part)) mode \(field)", writing: true)
    let scratch = try TemporaryDirectory()
    defer { scratch.remove() }
    try debug("dump \(try Self.quoted(part)) \(try Self.quoted(scratch.path("back")))")
    guard let back = try? Files.read(scratch.path("back")), try back == Files.read(file) else {
      try debug("rm \(try Self.quoted(part))", writing: true)
      throw Fault(
        "\(file) does not fit into \(image)", remedy: "Free space in its data partition, or enlarge it")
    }
    // debugfs has no rename. Neither command changes the link count, so the two together are one.
    try debug("link \(try Self.quoted(part)) \(try Self.quoted(path))", writing: true)
    try debug("unlink \(try Self.quoted(part))", writing: true)
    guard try kind(of: path) == "regular" else { throw Fault("cannot create \(path) in \(image)") }
  }

  /// Copies a file or a directory tree to a directory of this machine. Does nothing if `path` does not exist.
  func copy(_ path: String, to directory: String) throws {
    switch try kind(of: path) {
    case "directory":
      try debug("rdump \(try Self.quoted(path)) \(try Self.quoted(directory))")
    case "regular":
      let name = (path as NSString).lastPathComponent
      try debug("dump \(try Self.quoted(path)) \(try Self.quoted("\(directory)/\(name)"))")
    default: return
    }
  }

  /// Runs a request. debugfs exits with status 0 even if the request fails, so the caller checks the result.
  @discardableResult
  private func debug(_ request: String, writing: Bool = false) throws -> Tool.Outcome {
    let outcome = try Tool("debugfs", (writing ? ["-w"] : []) + ["-R", request, device]).attempt()
    guard !outcome.errors.contains("while opening"), !outcome.errors.contains("while trying to open")
    else {
      throw Fault("cannot open the data partition of \(image)", detail: outcome.errors)
    }
    return outcome
  }

  /// Quotes an argument of a request. debugfs (libss) cannot escape a quote.
  private static func quoted(_ argument: String) throws -> String {
    guard argument.unicodeScalars.allSatisfy({ $0 != "\"" && $0.value >= 32 }) else {
      throw Fault("debugfs does not accept the name \(argument.debugDescription)")
    }
    return "\"\(argument)\""
  }
}
