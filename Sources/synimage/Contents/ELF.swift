// ELF headers (elf(5)): the machine of a file, and whether it is static.
import Kernel
import Plan

/// The fields of a 64-bit little-endian ELF file that the builder checks.
struct ELF {
  let machine: UInt16
  /// The program interpreter (PT_INTERP); nil if there is none.
  let interpreter: String?
  /// Whether it needs shared libraries (DT_NEEDED).
  let needsLibraries: Bool

  private static let ptDynamic: UInt32 = 2
  private static let ptInterp: UInt32 = 3
  private static let dtNeeded: UInt64 = 1

  /// Returns nil if the bytes are not such a file, or are truncated.
  init?(_ bytes: [UInt8]) {
    guard bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2, 1]),
      let machine = bytes.number(UInt16.self, at: 18),
      let headers = bytes.number(UInt64.self, at: 32).flatMap({ Int(exactly: $0) }),
      let size = bytes.number(UInt16.self, at: 54), let count = bytes.number(UInt16.self, at: 56)
    else { return nil }
    self.machine = machine
    var interpreter: String?
    var needsLibraries = false
    for index in 0..<Int(count) {
      guard headers <= bytes.count, size >= 56,
        let type = bytes.number(UInt32.self, at: headers + index * Int(size)),
        let start = bytes.number(UInt64.self, at: headers + index * Int(size) + 8),
        let length = bytes.number(UInt64.self, at: headers + index * Int(size) + 32),
        let offset = Int(exactly: start), let byteCount = Int(exactly: length),
        offset <= bytes.count, byteCount <= bytes.count - offset
      else { return nil }
      if type == Self.ptInterp {
        interpreter = bytes.text(at: offset, limit: byteCount) ?? ""
      } else if type == Self.ptDynamic {
        needsLibraries = stride(from: offset, to: offset + byteCount - 15, by: 16).contains {
          bytes.number(UInt64.self, at: $0) == Self.dtNeeded
        }
      }
    }
    self.interpreter = interpreter
    self.needsLibraries = needsLibraries
  }
}

/// A binary that goes into the image.
enum BoxProgram {
  /// - Throws: `InputError` if the program could not run in an image, which has no dynamic loader and no libraries.
  static func check(_ path: String, for architecture: Architecture) throws {
    let expected = "a static program for \(architecture.rawValue), as `make build` builds it"
    guard let elf = ELF(try Files.read(path)) else {
      throw InputError(path, found: "no 64-bit ELF file, or a truncated one", expected: expected)
    }
    guard elf.machine == architecture.elfMachine else {
      throw InputError(
        path, found: "a program for \(Architecture.elfName(elf.machine))", expected: expected)
    }
    if let interpreter = elf.interpreter {
      throw InputError(
        path, found: "a dynamically linked program with the interpreter \(interpreter)",
        expected: expected)
    }
    guard !elf.needsLibraries else {
      throw InputError(
        path, found: "a program that needs shared libraries", expected: expected)
    }
  }
}
