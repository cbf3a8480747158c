// Firmware that drivers load into their hardware.
import Foundation
import Kernel

/// The files below lib/firmware that a set of modules asks for.
struct Firmware {
  /// Names below lib/firmware, and where their content is now.
  let files: [(name: String, path: String)]

  /// Throws a `Refusal` for a module whose firmware none of the packages has: without it the driver starts
  /// its hardware half, if at all (ice: no XDP).
  ///
  /// - Parameter packages: unpacked, by name.
  init(for modules: ModuleSet, from packages: [(name: String, root: String)]) throws {
    var files: [(String, String)] = []
    for module in modules.modules {
      for name in module.firmware {
        let places = packages.flatMap {
          ["\($0.root)/usr/lib/firmware/\(name)", "\($0.root)/lib/firmware/\(name)"]
        }
        guard !name.split(separator: "/").contains(".."),
          let path = places.first(where: { FileManager.default.fileExists(atPath: $0) })
        else {
          let known = packages.map(\.name).joined(separator: ", ")
          throw Refusal(
            "driver \(module.name)", found: "no firmware \(name)",
            expected: "it in one of the profile's firmware packages (\(known.isEmpty ? "none" : known))"
          )
        }
        files.append((name, path))
      }
    }
    self.files = files
  }
}
