// The data partition of an image that is not running, by debugfs: nothing is mounted.
import Foundation
import Kernel

/// An ext4 file system inside an image file.
struct DataPartition {
  /// `FILE?offset=N`, as e2fsprogs takes it.
  private let device: String
  private let image: String
  private let partition: Partition

  /// Throws a `Fault` for an image without one.
  init(image: String) throws {
    guard FileManager.default.fileExists(atPath: image) else { throw Fault("there is no \(image)") }
    guard !image.contains("?") else {
      throw Fault("\(image) cannot be used", detail: "e2fsprogs takes what follows a ? as options")
    }
    partition = try Partitions.data(of: image)
    self.image = image
    device = "\(image)?offset=\(partition.start)"
  }

  /// Replays the journal and repairs, as the box would at its next boot. Throws a `Fault` for a file system
  /// that cannot be repaired.
  ///
  /// Outside the image: once e2fsck 1.47 has replayed a journal it opens the file anew, and forgets the offset.
  func recover() throws {
    let scratch = try Scratch(in: Files.parent(of: image))
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
    // Holes at its end are part of it, too.
    try Tool("truncate", ["--size=\(partition.size)", before]).run()
    try Tool("cp", ["--sparse=always", "--reflink=auto", "--", before, copy]).run()
    // 0 nothing, 1 repaired; 2 and above are not for us to go on with (e2fsck(8)).
    let outcome = try Tool("e2fsck", ["-f", "-p", copy]).attempt()
    guard outcome.status <= 1 else {
      throw Fault(
        "the data partition of \(image) is damaged",
        detail: (outcome.output + outcome.errors).split(separator: "\n").suffix(3).joined(
          separator: "; "))
    }
    // It ends with 0 after it has replayed a journal, too.
    guard try Tool("cmp", ["-s", before, copy]).attempt().status != 0 else { return }
    try Tool(
      "dd",
      [
        "if=\(copy)", "of=\(image)", "bs=1M", "oflag=seek_bytes", "seek=\(partition.start)",
        "conv=notrunc",
      ]
    ).run()
  }

  /// What there is at a path: "regular", "directory" and so on; nil for nothing.
  func kind(of path: String) throws -> String? {
    let outcome = try debug("stat \(try Self.quoted(path))")
    guard let type = outcome.output.firstMatch(of: /Type: (\w+)/) else { return nil }
    return String(type.1)
  }

  func makeDirectory(_ path: String) throws {
    if try kind(of: path) == "directory" { return }
    try debug("mkdir \(try Self.quoted(path))", writing: true)
    guard try kind(of: path) == "directory" else { throw Fault("cannot make \(path) in \(image)") }
  }

  /// Puts a file into a directory under a name that the box does not look at, reads it back, and gives it its
  /// name when it is whole.
  func write(_ file: String, to directory: String, as name: String) throws {
    let (part, path) = ("\(directory)/.\(name).part", "\(directory)/\(name)")
    if try kind(of: path) != nil { throw Fault("\(image) has \(path) already") }
    if try kind(of: part) != nil { try debug("rm \(try Self.quoted(part))", writing: true) }
    try debug("write \(try Self.quoted(file)) \(try Self.quoted(part))", writing: true)
    // Regular, 0644: whoever serves must be able to read it.
    try debug("set_inode_field \(try Self.quoted(part)) mode 0100644", writing: true)
    let scratch = try Scratch()
    defer { scratch.remove() }
    try debug("dump \(try Self.quoted(part)) \(try Self.quoted(scratch.path("back")))")
    guard let back = try? Files.read(scratch.path("back")), try back == Files.read(file) else {
      try debug("rm \(try Self.quoted(part))", writing: true)
      throw Fault(
        "\(file) does not fit into \(image)", remedy: "Its data partition is full, or too small")
    }
    // Neither command counts links, so both together are a rename.
    try debug("link \(try Self.quoted(part)) \(try Self.quoted(path))", writing: true)
    try debug("unlink \(try Self.quoted(part))", writing: true)
    guard try kind(of: path) == "regular" else { throw Fault("cannot put \(path) into \(image)") }
  }

  /// Copies a file, or a directory with all in it, into a directory of this machine.
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

  /// debugfs ends with status 0 whatever its request came to, so the caller looks at what it did.
  @discardableResult
  private func debug(_ request: String, writing: Bool = false) throws -> Tool.Outcome {
    let outcome = try Tool("debugfs", (writing ? ["-w"] : []) + ["-R", request, device]).attempt()
    guard !outcome.errors.contains("while opening"), !outcome.errors.contains("while trying to open")
    else {
      throw Fault("cannot open the data partition of \(image)", detail: outcome.errors)
    }
    return outcome
  }

  /// A word of a request. debugfs (libss) knows quotes, and no way to write one within them.
  private static func quoted(_ word: String) throws -> String {
    guard word.unicodeScalars.allSatisfy({ $0 != "\"" && $0.value >= 32 }) else {
      throw Fault("debugfs cannot take the name \(word.debugDescription)")
    }
    return "\"\(word)\""
  }
}
