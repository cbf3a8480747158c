// The kernel's own image: for which machine, and which release.
import Kernel

/// A kernel with an EFI stub, as Debian packs it: a PE file that is also a boot image.
struct KernelImage {
  /// Throws a `Refusal` for a kernel that the image's machine would not start, or another release than the
  /// modules are for.
  static func check(_ path: String, release: String, for architecture: Architecture) throws {
    let bytes = try Files.read(path)
    let expected = "a kernel \(release) for \(architecture.rawValue) with an EFI stub"
    // The offset of the PE header stands at 0x3c.
    guard bytes.starts(with: [0x4d, 0x5a]), let header = bytes.number(UInt32.self, at: 0x3c),
      bytes.number(UInt32.self, at: Int(header)) == 0x4550,
      let machine = bytes.number(UInt16.self, at: Int(header) + 4)
    else { throw Refusal(path, found: "no EFI program, or one that is cut off", expected: expected) }
    guard machine == architecture.peMachine else {
      throw Refusal(
        path, found: "a kernel for \(Architecture.peName(machine))", expected: expected)
    }
    // Documentation/arch/x86/boot.rst: "HdrS" at 0x202, and at 0x20e where, from 0x200, the release stands.
    guard bytes.number(UInt32.self, at: 0x202) == 0x5372_6448,
      let offset = bytes.number(UInt16.self, at: 0x20e), offset != 0,
      let text = bytes.text(at: 0x200 + Int(offset), limit: 256)
    else { throw Refusal(path, found: "no Linux boot header", expected: expected) }
    let found = text.prefix { $0 != " " }
    guard found == release else {
      throw Refusal(path, found: "the kernel \(found)", expected: expected)
    }
  }
}
