// Names of files in the spool, which operators choose.
import Kernel
import Spool

extension FuzzTarget {
  /// A name is usable or there is a printable objection; the name that stands for an unusable one is usable.
  static let fileNames = FuzzTarget("file-names", maximumLength: 300) { octets in
    // What no file system has in a name.
    let octets = octets.filter { $0 != 0 && $0 != UInt8(ascii: "/") }
    guard !octets.isEmpty else { return }
    let name = FileName(octets: octets)
    try requirePrintable(name.description)
    if let objection = JobName.objection(to: name) {
      try requirePrintable("found \(objection.found), expected \(objection.expected)")
    } else {
      try require(octets.count <= 200 && octets.first != UInt8(ascii: "-"), "\(name) is usable")
      let text = name.text ?? "\u{1b}"
      try requirePrintable(text)
      try require(Array(text.utf8) == octets, "\(name) changes on the way")
    }
    let safe = FileName(JobName.safe(name))
    try require(JobName.objection(to: safe) == nil, "\(safe) is unusable")
    try require(safe.octets.first != UInt8(ascii: "."), "\(safe) is hidden")
  }
}
