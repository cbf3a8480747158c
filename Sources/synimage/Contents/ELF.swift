// ELF headers (elf(5)): for which machine a file is, and whether it stands alone.
import Kernel

/// What the builder must know of a program or a module: 64 bits, little-endian.
struct ELF {
  let machine: UInt16
  /// The loader that it asks for (PT_INTERP); nil for none.
  let interpreter: String?
  /// Whether it asks for shared libraries (DT_NEEDED).
  let needsLibraries: Bool

  private static let loadDynamic: UInt32 = 2
  private static let loadInterpreter: UInt32 = 3
  private static let dynamicNeeded: UInt64 = 1

  /// nil for what is no such file, or one that is cut off.
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
      if type == Self.loadInterpreter {
        interpreter = bytes.text(at: offset, limit: byteCount) ?? ""
      } else if type == Self.loadDynamic {
        needsLibraries = stride(from: offset, to: offset + byteCount - 15, by: 16).contains {
          bytes.number(UInt64.self, at: $0) == Self.dynamicNeeded
        }
      }
    }
    self.interpreter = interpreter
    self.needsLibraries = needsLibraries
  }
}

/// The program that the image is for.
enum BoxProgram {
  /// Throws a `Refusal` for a program that could not run where there is nothing but itself.
  static func check(_ path: String, for architecture: Architecture) throws {
    let expected = "a static program for \(architecture.rawValue), as `make build` leaves it"
    guard let elf = ELF(try Files.read(path)) else {
      throw Refusal(path, found: "no 64-bit ELF file, or one that is cut off", expected: expected)
    }
    guard elf.machine == architecture.elfMachine else {
      throw Refusal(
        path, found: "a program for \(Architecture.elfName(elf.machine))", expected: expected)
    }
    if let interpreter = elf.interpreter {
      throw Refusal(
        path, found: "a program that is not static: it asks for \(interpreter)", expected: expected)
    }
    guard !elf.needsLibraries else {
      throw Refusal(
        path, found: "a program that is not static: it asks for shared libraries", expected: expected)
    }
  }
}
