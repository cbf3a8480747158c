// The root file system as the kernel takes it: a cpio archive, compressed.
import Kernel

enum Initramfs {
  /// Packs a directory; the archive depends on nothing but names, content, modes and times of what is in it.
  ///
  /// The whole is compressed at once, which the modules gain more by than each by itself; one thread, for
  /// the number of threads shows in what zstd writes.
  static func pack(_ root: String, to path: String) throws {
    let scratch = try Scratch()
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
