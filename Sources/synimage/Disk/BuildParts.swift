// The files of a build, before they are in their places and after.
import Foundation
import Kernel

struct BuildParts {
  let scratch: Scratch

  init(_ scratch: Scratch) { self.scratch = scratch }

  var esp: String { scratch.path("esp") }
  var kernel: String { scratch.path("vmlinuz") }
  var initramfs: String { scratch.path("initramfs.cpio.zst") }
  var image: String { scratch.path("synbox.img") }
  var manifest: String { scratch.path("synbox.manifest.json") }
  var sbom: String { scratch.path("synbox.spdx.json") }

  /// Puts all into place: the sums last, so that they hold only when everything does.
  func finish(in output: String) throws {
    let files = [
      ("image/initramfs.cpio.zst", initramfs), ("image/vmlinuz", kernel), ("synbox.img", image),
      ("synbox.manifest.json", manifest), ("synbox.spdx.json", sbom),
    ]
    // sha256sum(1) checks this form.
    let sums = try files.map { "\(try FileTree.sha256(of: $0.1))  \($0.0)\n" }.joined()
    try Output.write(sums, to: scratch.path("SHA256SUMS"))
    try Output.directory("\(output)/image")
    try? FileManager.default.removeItem(atPath: "\(output)/SHA256SUMS")
    for (name, path) in files { try Files.rename(path, to: "\(output)/\(name)") }
    try Files.rename(scratch.path("SHA256SUMS"), to: "\(output)/SHA256SUMS")
  }
}
