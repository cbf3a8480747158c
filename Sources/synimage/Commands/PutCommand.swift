// `synimage put` copies a target file into a disk that is not in use; `synimage get` copies results out of it.
import ArgumentParser
import Foundation
import Kernel
import Plan

struct PutCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "put", abstract: "Copy a target file into the spool of a disk that is not in use.")

  @Argument(help: "Image or disk.")
  var image: String
  @Argument(help: "Target file.")
  var file: String
  @Option(help: "Name in the spool (default: the name of the file).")
  var name: String?

  func run() throws {
    let name = name ?? (file as NSString).lastPathComponent
    // The spool ignores other names (Spool/Arrivals).
    guard !name.isEmpty, !name.hasPrefix("."), !name.hasSuffix(".part"), !name.contains("/") else {
      throw InputError(
        "--name", found: name.debugDescription,
        expected: "a file name that the spool accepts: no leading dot, no .part at the end")
    }
    _ = try Files.read(file)
    let data = try DataPartition(image: image)
    try data.recover()
    try data.makeDirectory("/spool")
    try data.write(file, to: "/spool", as: name)
    try data.recover()
  }
}

struct GetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "get",
    abstract: "Copy results, rejected files and the status from a disk that is not in use.",
    discussion: "Does not change the disk: the journal is replayed in a copy.")

  @Argument(help: "Image or disk.")
  var image: String
  @Argument(help: "Output directory: empty, or created.")
  var directory: String

  static let names = ["spool", "results", "rejected", "active", "status.json", "metrics.prom"]

  func run() throws {
    try Output.makeDirectory(directory)
    guard try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty else {
      throw InputError(directory, found: "files", expected: "an empty directory")
    }
    let scratch = try TemporaryDirectory(in: directory)
    defer { scratch.remove() }
    // Sparse, so that the copy of a large disk takes only the space that is used.
    _ = try Partitions.data(of: image)
    try Tool("cp", ["--sparse=always", "--reflink=auto", "--", image, scratch.path("disk")]).run()
    let data = try DataPartition(image: scratch.path("disk"))
    try data.recover()
    for name in Self.names { try data.copy("/\(name)", to: directory) }
  }
}
