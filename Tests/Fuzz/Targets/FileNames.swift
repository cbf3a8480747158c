// Names of files in the spool, which operators choose.
import Kernel
import Spool

extension FuzzTarget {
  /// A name is usable or rejected for a printable reason, and the sanitized name is usable.
  static let fileNames = FuzzTarget("file-names", maximumLength: 300) { bytes in
    // No file name contains these.
    let bytes = bytes.filter { $0 != 0 && $0 != UInt8(ascii: "/") }
    guard !bytes.isEmpty else { return }
    let name = FileName(bytes: bytes)
    try requirePrintable(name.description)
    if let objection = JobName.rejectionReason(for: name) {
      try requirePrintable("found \(objection.found), expected \(objection.expected)")
    } else {
      try require(bytes.count <= 200 && bytes.first != UInt8(ascii: "-"), "\(name) is usable")
      let text = name.text ?? "\u{1b}"
      try requirePrintable(text)
      try require(Array(text.utf8) == bytes, "\(name) changes on the way")
    }
    let safe = FileName(JobName.sanitized(name))
    try require(JobName.rejectionReason(for: safe) == nil, "\(safe) is unusable")
    try require(safe.bytes.first != UInt8(ascii: "."), "\(safe) is hidden")
  }
}
