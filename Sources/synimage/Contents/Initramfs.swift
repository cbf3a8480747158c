// The initramfs: the root file system as a compressed cpio archive.
import Kernel

enum Initramfs {
  /// Packs a directory. The archive depends only on the names, contents, modes and times of the files.
  ///
  /// Modules stay uncompressed in the archive because they compress better together. zstd runs with one thread because
  /// its output depends on the number of threads.
  static func pack(_ root: String, to path: String) throws {
    let scratch = try TemporaryDirectory()
    defer { scratch.remove() }
    let names = try FileTree.entries(of: root).map { "\($0.path)\0" }.joined()
    try Output.write(names, to: scratch.path("names"))
    let archive = scratch.path("archive")
    var cpio = Tool(
      "cpio",
      [
        "--create", "--null", "--quiet", "--format=newc", "--reproducible", "--owner=0:0",
        "--file=\(archive)",
      ])
    cpio.input = scratch.path("names")
    cpio.directory = root
    try cpio.run()
    try Tool("zstd", ["--quiet", "-19", "--threads=1", archive, "-o", path]).run()
  }
}
