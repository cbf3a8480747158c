// The output files of a build.
import Foundation
import Kernel

/// The files of a build in its temporary directory.
struct BuildFiles {
  let scratch: TemporaryDirectory

  init(_ scratch: TemporaryDirectory) { self.scratch = scratch }

  var esp: String { scratch.path("esp") }
  var kernel: String { scratch.path("vmlinuz") }
  var initramfs: String { scratch.path("initramfs.cpio.zst") }
  var image: String { scratch.path("synbox.img") }
  var manifest: String { scratch.path("synbox.manifest.json") }
  var sbom: String { scratch.path("synbox.spdx.json") }

  /// Moves the files to the output directory. SHA256SUMS comes last, so that it never describes an incomplete build.
  func install(in output: String) throws {
    let files = [
      ("image/initramfs.cpio.zst", initramfs), ("image/vmlinuz", kernel), ("synbox.img", image),
      ("synbox.manifest.json", manifest), ("synbox.spdx.json", sbom),
    ]
    // The format of sha256sum(1).
    let sums = try files.map { "\(try FileTree.sha256(of: $0.1))  \($0.0)\n" }.joined()
    try Output.write(sums, to: scratch.path("SHA256SUMS"))
    try Output.makeDirectory("\(output)/image")
    try? FileManager.default.removeItem(atPath: "\(output)/SHA256SUMS")
    for (name, path) in files { try Files.rename(path, to: "\(output)/\(name)") }
    try Files.rename(scratch.path("SHA256SUMS"), to: "\(output)/SHA256SUMS")
  }
}
