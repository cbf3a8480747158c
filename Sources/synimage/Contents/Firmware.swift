// Firmware that drivers load into their NICs.
import Foundation
import Kernel
import Plan

/// The files below lib/firmware that a set of modules requests.
struct Firmware {
  /// Names below lib/firmware, each with the path of the file in its unpacked package.
  let files: [(name: String, path: String)]

  /// - Parameter packages: the names and directories of the unpacked firmware packages.
  /// - Throws: `InputError` if no package has the firmware of a module. Without it the driver fails or lacks
  ///   features (ice: XDP).
  init(for modules: ModuleSet, from packages: [(name: String, root: String)]) throws {
    var files: [(String, String)] = []
    for module in modules.modules {
      for name in module.firmware {
        let candidates = packages.flatMap {
          ["\($0.root)/usr/lib/firmware/\(name)", "\($0.root)/lib/firmware/\(name)"]
        }
        guard !name.split(separator: "/").contains(".."),
          let path = candidates.first(where: { FileManager.default.fileExists(atPath: $0) })
        else {
          let known = packages.map(\.name).joined(separator: ", ")
          throw InputError(
            "driver \(module.name)", found: "no firmware \(name)",
            expected:
              "the file in a firmware package of the profile (\(known.isEmpty ? "none" : known))"
          )
        }
        files.append((name, path))
      }
    }
    self.files = files
  }
}
