// /proc/self/task/*/status, which the proof of the drop relies on.
import Kernel

extension FuzzTarget {
  /// The text is rejected, or contains every value exactly once and in the kernel's format.
  static let taskStatus = FuzzTarget("task-status", maximumLength: 2048) { bytes in
    let text = String(decoding: bytes, as: UTF8.self)
    guard let status = try? TaskStatus(task: 1, parsing: text) else { return }
    let sets = [
      "CapInh": status.inheritable, "CapPrm": status.permitted, "CapEff": status.effective,
      "CapBnd": status.bounding, "CapAmb": status.ambient,
    ]
    let lines = text.split(separator: "\n")
    for (name, set) in sets {
      let digits = String(set.rawValue, radix: 16)
      let value = String(repeating: "0", count: 16 - digits.count) + digits
      let found = lines.filter { $0.hasPrefix("\(name):\t") }
      try require(found.map { $0.lowercased() } == ["\(name):\t\(value)".lowercased()], "\(found)")
    }
    try require(lines.contains("NoNewPrivs:\t\(status.noNewPrivileges ? 1 : 0)"), "\(status)")
    try require(lines.contains("Seccomp:\t\(status.seccomp.rawValue)"), "\(status)")
  }
}
