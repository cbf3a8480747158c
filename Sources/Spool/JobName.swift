// Which file names can become names of jobs.
import Kernel
import Support

/// The rules for names of target files. A job's directory has its target file's name, which appears in logs and in
/// operators' shells, so it must be visible text and must not look like a command's option.
package enum JobName {
  /// Bytes. File systems allow 255; the rest is for the number that distinguishes jobs of one name.
  static let maximumLength = 200

  /// The names of the box's own files in a job's directory.
  static let reserved: Set<String> = Set(
    [
      "job.json", "checkpoint", "checkpoint.previous", "answers", "results.partial", "results.csv",
      "results.jsonl", "summary.json", "reason.txt", Spool.fetchedMarker,
    ].flatMap { [$0, $0 + ".new", $0 + ".damaged"] })

  /// Returns whether the spool ignores the file: dot files, and `*.part`, which upload tools use while they write.
  package static func isHidden(_ name: FileName) -> Bool {
    name.bytes.first == UInt8(ascii: ".") || name.bytes.suffix(5).elementsEqual(".part".utf8)
  }

  /// Returns why no job can have this name; nil if one can.
  package static func rejectionReason(for name: FileName) -> (found: String, expected: String)? {
    guard name.bytes.count <= maximumLength else {
      return ("a file name of \(name.bytes.count) bytes", "at most \(maximumLength)")
    }
    // Made only when it is needed: a spool may have 100,000 files, and their names are checked every second.
    var found: String { "the file name \"\(name)\"" }
    guard let text = name.text else { return (found, "a name in UTF-8") }
    guard text.unicodeScalars.allSatisfy(Escaping.isVisible) else {
      return (found, "a name without control and formatting characters")
    }
    // Compares bytes because "-" followed by a combining mark is another Character.
    guard name.bytes.first != UInt8(ascii: "-") else {
      return (found, "a name that does not begin with -")
    }
    guard !reserved.contains(text) else { return (found, "a name that the box does not use itself") }
    return nil
  }

  /// Returns a usable name that resembles an unusable one.
  package static func sanitized(_ name: FileName) -> String {
    let bytes = name.bytes.prefix(maximumLength - 1).map { byte in
      let isPlain =
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
        || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
        || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte || [0x2d, 0x2e, 0x5f].contains(byte)
      return isPlain ? byte : UInt8(ascii: "_")
    }
    return "_" + String(decoding: bytes, as: UTF8.self)
  }
}
