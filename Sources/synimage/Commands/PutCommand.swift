// `synimage put` and `synimage get`: target files into an image that is not running, results out of it.
import ArgumentParser
import Foundation
import Kernel

struct PutCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "put", abstract: "Put a target file into the spool of a disk that is not running.")

  @Argument(help: "The image, or a disk.")
  var image: String
  @Argument(help: "The target file.")
  var file: String
  @Option(help: "The name it gets in the spool; its own if not given.")
  var name: String?

  func run() throws {
    let name = name ?? (file as NSString).lastPathComponent
    // Spool/Arrivals does not look at the others.
    guard !name.isEmpty, !name.hasPrefix("."), !name.hasSuffix(".part"), !name.contains("/") else {
      throw Refusal(
        "--name", found: name.debugDescription,
        expected: "a file name that the box takes: no dot in front, no .part at its end")
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
    abstract: "Copy results, rejected files and the status out of a disk that is not running.",
    discussion: "The disk itself is not changed: what its journal holds is replayed in a copy.")

  @Argument(help: "The image, or a disk.")
  var image: String
  @Argument(help: "A directory, made if it is not there; it must be empty.")
  var directory: String

  static let names = ["spool", "results", "rejected", "active", "status.json", "metrics.prom"]

  func run() throws {
    try Output.directory(directory)
    guard try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty else {
      throw Refusal(directory, found: "files", expected: "an empty directory")
    }
    let scratch = try Scratch(in: directory)
    defer { scratch.remove() }
    // Holes stay holes, so that a disk of many gigabytes copies as what is on it.
    _ = try Partitions.data(of: image)
    try Tool("cp", ["--sparse=always", "--reflink=auto", "--", image, scratch.path("disk")]).run()
    let data = try DataPartition(image: scratch.path("disk"))
    try data.recover()
    for name in Self.names { try data.copy("/\(name)", to: directory) }
  }
}
