// `synimage contents` lists the files of an image; `synimage compare` reports where two images differ.
import ArgumentParser
import Foundation
import Kernel

struct ContentsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "contents", abstract: "List every file of an image.")

  @Argument(help: "Manifest of the image.")
  var manifest = "build/synbox.manifest.json"

  func run() throws {
    let manifest = try Manifest(path: manifest)
    for part in manifest.partitions + [manifest.initramfs] {
      Terminal.output("\(part.name), \(part.size) bytes, SHA-256 \(part.sha256)\n")
      for file in part.files {
        let size = String(file.size)
        let indent = String(repeating: " ", count: max(0, 10 - size.count))
        let end = file.target.map { " -> \($0)" } ?? (file.kind == "directory" ? "/" : "")
        Terminal.output("  \(file.mode ?? "    ") \(indent)\(size)  \(file.path)\(end)\n")
      }
    }
    Terminal.output(manifest.sizes)
  }
}

struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Compare two builds byte for byte and report which parts differ.")

  @Argument(help: "Output directories of the two builds.")
  var directories: [String]

  func validate() throws {
    guard directories.count == 2 else { throw ValidationError("expected two directories") }
  }

  func run() throws {
    let names = [
      "synbox.img", "synbox.manifest.json", "synbox.spdx.json", "SHA256SUMS", "image/vmlinuz",
      "image/initramfs.cpio.zst",
    ]
    let different = try names.filter { name in
      try Files.read("\(directories[0])/\(name)") != Files.read("\(directories[1])/\(name)")
    }
    let manifests = try directories.map { try Manifest(path: "\($0)/synbox.manifest.json") }
    guard !different.isEmpty else {
      Terminal.output("equal byte for byte: \(names.joined(separator: ", "))\n")
      Terminal.output("SHA-256 of synbox.img: \(manifests[0].image.sha256)\n")
      return
    }
    for name in different { Terminal.error("differs: \(name)\n") }
    for reason in manifests[0].differences(from: manifests[1]) { Terminal.error("  \(reason)\n") }
    throw ExitCode(1)
  }
}

extension Manifest {
  /// The parts that differ, and the files in them that differ.
  func differences(from other: Manifest) -> [String] {
    var reasons: [String] = []
    let pairs = zip(partitions + [initramfs], other.partitions + [other.initramfs])
    for (part, counterpart) in pairs where part.sha256 != counterpart.sha256 {
      reasons.append("\(part.name): \(part.sha256) and \(counterpart.sha256)")
      let before = reasons.count
      for path in Set((part.files + counterpart.files).map(\.path)).sorted() {
        let (a, b) = (part.files.first { $0.path == path }, counterpart.files.first { $0.path == path })
        if a?.sha256 != b?.sha256 || a?.mode != b?.mode || a?.target != b?.target {
          reasons.append("\(part.name): \(path)")
        }
      }
      if reasons.count == before {
        reasons.append("\(part.name): no file differs, so the layout does")
      }
    }
    if version != other.version { reasons.append("versions \(version) and \(other.version)") }
    if revision != other.revision { reasons.append("revisions \(revision) and \(other.revision)") }
    return reasons
  }
}
