// The kernel image: its machine and its release.
import Kernel
import Plan

/// A kernel with an EFI stub, as Debian ships it: both a PE file and a bzImage.
struct KernelImage {
  /// - Throws: `InputError` if the kernel is for another machine, or of another release than the modules.
  static func check(_ path: String, release: String, for architecture: Architecture) throws {
    let bytes = try Files.read(path)
    let expected = "a kernel \(release) for \(architecture.rawValue) with an EFI stub"
    // e_lfanew, the offset of the PE header, is at 0x3c.
    guard bytes.starts(with: [0x4d, 0x5a]), let header = bytes.number(UInt32.self, at: 0x3c),
      bytes.number(UInt32.self, at: Int(header)) == 0x4550,
      let machine = bytes.number(UInt16.self, at: Int(header) + 4)
    else { throw InputError(path, found: "no EFI program, or a truncated one", expected: expected) }
    guard machine == architecture.peMachine else {
      throw InputError(
        path, found: "a kernel for \(Architecture.peName(machine))", expected: expected)
    }
    // Documentation/arch/x86/boot.rst: "HdrS" is at 0x202; kernel_version, at 0x20e, is relative to 0x200.
    guard bytes.number(UInt32.self, at: 0x202) == 0x5372_6448,
      let offset = bytes.number(UInt16.self, at: 0x20e), offset != 0,
      let text = bytes.text(at: 0x200 + Int(offset), limit: 256)
    else { throw InputError(path, found: "no Linux boot header", expected: expected) }
    let found = text.prefix { $0 != " " }
    guard found == release else {
      throw InputError(path, found: "the kernel \(found)", expected: expected)
    }
  }
}
