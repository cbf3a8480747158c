// The manifest: every file of every part of an image, with size and SHA-256.
import Foundation
import Kernel

/// `synbox.manifest.json`.
struct Manifest: Codable {
  struct Entry: Codable {
    let path: String
    let kind: String
    /// Octal, as chmod(1) takes it.
    let mode: String?
    let size: Int
    let sha256: String?
    let target: String?
  }
  struct Part: Codable {
    let name: String
    /// Offset in the image, in bytes; nil for a part with a file of its own.
    let start: Int?
    let size: Int
    let sha256: String
    let uuid: String?
    let files: [Entry]
  }
  struct Package: Codable {
    let name: String
    let version: String
    let from: String
    let sha256: String
  }

  let version: Int
  let revision: String
  let profile: String
  let site: String
  let kernel: String
  let sourceDateEpoch: Int
  let image: Part
  let partitions: [Part]
  let initramfs: Part
  let packages: [Package]

  init(_ plan: BuildPlan, _ identity: Identity, _ output: BuildFiles, root: String) throws {
    version = identity.version
    revision = identity.revision
    profile = plan.profile.name
    site = plan.site.name
    kernel = plan.lock.kernel
    sourceDateEpoch = identity.epoch
    let bytes = try Files.read(output.image)
    image = Part(
      name: "synbox.img", start: nil, size: bytes.count, sha256: try FileTree.sha256(of: output.image),
      uuid: nil, files: [])
    partitions = try Partitions.read(output.image).map { partition in
      let range = partition.start..<partition.start + partition.size
      guard range.upperBound <= bytes.count else {
        throw Fault("the image ends before its last partition")
      }
      return Part(
        name: partition.label, start: partition.start, size: partition.size,
        sha256: FileTree.sha256(of: bytes[range]), uuid: partition.uuid.lowercased(),
        files: partition.label == DiskImage.espLabel
          ? try Self.entries(of: output.esp, modes: false) : [])
    }
    initramfs = Part(
      name: "initramfs.cpio.zst", start: nil, size: try FileTree.size(of: output.initramfs),
      sha256: try FileTree.sha256(of: output.initramfs), uuid: nil,
      files: try Self.entries(of: root, modes: true))
    packages = try plan.packageNames.sorted().map {
      let package = try plan.lock.package($0)
      return Package(
        name: package.name, version: package.version, from: package.from, sha256: package.sha256)
    }
  }

  private static func entries(of root: String, modes: Bool) throws -> [Entry] {
    try FileTree.entries(of: root).map { entry in
      Entry(
        path: entry.path, kind: entry.kind.rawValue,
        mode: modes && entry.kind != .link ? String(entry.mode, radix: 8) : nil, size: entry.size,
        sha256: entry.kind == .file ? try FileTree.sha256(of: "\(root)/\(entry.path)") : nil,
        target: entry.target)
    }
  }

  /// Reads a manifest.
  ///
  /// - Throws: a `Fault` if the file is not a manifest.
  init(path: String) throws {
    do {
      self = try JSONDecoder().decode(Manifest.self, from: Data(try Files.read(path)))
    } catch let error as DecodingError {
      throw Fault("\(path) is not a manifest", detail: "\(error)")
    }
  }

  func write(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try Output.write([UInt8](try encoder.encode(self)) + [0x0a], to: path)
  }

  /// A table of the sizes in bytes.
  var sizes: String {
    let data = partitions.first { $0.name == DiskImage.dataLabel }?.size ?? 0
    var lines = [
      "image      \(image.size), of which data \(data): \(image.size - data) without",
      "initramfs  \(initramfs.size), \(initramfs.files.map(\.size).reduce(0, +)) unpacked, "
        + "\(initramfs.files.count { $0.path.hasSuffix(".ko") }) modules",
    ]
    for file in partitions.flatMap(\.files)
    where file.path.hasPrefix("EFI/Linux/") && file.kind == "file" {
      lines.append("UKI        \(file.size)  \(file.path)")
    }
    lines.append("SHA-256    \(image.sha256)")
    return lines.map { $0 + "\n" }.joined()
  }
}
