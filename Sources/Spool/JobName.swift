// Which names of files become names of jobs.
import Kernel

/// The rules for names of target files. A job's directories bear its file's name, which appears in logs and
/// in operators' shells: so it must be visible text, and no option of a command.
package enum JobName {
  /// Bytes. Leaves room for the number that tells jobs of one name apart, in the 255 that a file system
  /// allows.
  static let longest = 200

  /// What the box itself keeps in a job's directory.
  static let own: Set<String> = Set(
    [
      "job.json", "checkpoint", "checkpoint.previous", "answers", "results.partial", "results.csv",
      "results.jsonl", "summary.json", "reason.txt", Spool.fetchedMarker,
    ].flatMap { [$0, $0 + ".new", $0 + ".damaged"] })

  /// Names that uploads in progress have, and those that are none of the box's business.
  package static func isHidden(_ name: FileName) -> Bool {
    name.bytes.first == UInt8(ascii: ".") || name.bytes.suffix(5) == Array(".part".utf8)
  }

  /// What is wrong with a name: found and expected; nil for a usable one.
  package static func objection(to name: FileName) -> (found: String, expected: String)? {
    guard name.bytes.count <= longest else {
      return ("a file name of \(name.bytes.count) bytes", "\(longest) at most")
    }
    let found = "the file name \"\(name)\""
    guard let text = name.text else { return (found, "a name in UTF-8") }
    guard text.unicodeScalars.allSatisfy(FileName.isVisible) else {
      return (found, "a name without control and formatting characters")
    }
    // The byte: with a combining mark behind it, it would be another character of the text.
    guard name.bytes.first != UInt8(ascii: "-") else {
      return (found, "a name that does not begin with -")
    }
    guard !own.contains(text) else { return (found, "a name that the box does not use itself") }
    return nil
  }

  /// A usable name that resembles an unusable one.
  package static func safe(_ name: FileName) -> String {
    let bytes = name.bytes.prefix(longest - 1).map { byte in
      let isPlain =
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
        || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
        || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte || [0x2d, 0x2e, 0x5f].contains(byte)
      return isPlain ? byte : UInt8(ascii: "_")
    }
    return "_" + String(decoding: bytes, as: UTF8.self)
  }
}
