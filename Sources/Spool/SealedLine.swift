// Lines of JSON that are each followed by a seal: the form of job.json and of checkpoints.
import Plan
import Scan

#if canImport(FoundationEssentials)
  import FoundationEssentials
#endif

/// Why stored state cannot be used.
package enum Unreadable: Error, Hashable, CustomStringConvertible {
  case damaged
  /// Its format is newer than this version reads.
  case newer(UInt64)

  package var description: String {
    switch self {
    case .damaged: "truncated or damaged"
    case .newer(let format):
      "of format \(format), newer than this version reads (\(FileFormat.current))"
    }
  }
}

/// A line of JSON and a second line with its SHA-256.
///
/// The hash covers the first line's bytes as they are stored, so a reader can verify fields that it does not know.
package enum SealedLine {
  private static let newline = UInt8(ascii: "\n")

  package static func seal(_ line: [UInt8]) -> [UInt8] {
    line + [newline] + Array("{\"sha256\":\"\(SHA256.hex(line))\"}".utf8) + [newline]
  }

  static func encode(_ fields: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return seal(Array(try encoder.encode(fields)))
  }

  /// Returns the first line of each pair of lines, in order; nil for a pair that is not intact. At least one element.
  static func lines(in bytes: [UInt8]) -> [[UInt8]?] {
    var rows = bytes.split(separator: newline, omittingEmptySubsequences: false)
    let isTerminated = rows.removeLast().isEmpty
    var lines: [[UInt8]?] = []
    for start in stride(from: 0, to: rows.count, by: 2) {
      let line = Array(rows[start])
      var stored = line + [newline]
      if start + 1 < rows.count { stored += rows[start + 1] + [newline] }
      lines.append(stored == seal(line) ? line : nil)
    }
    if !isTerminated || lines.isEmpty { lines.append(nil) }
    return lines
  }

  /// Decodes a line, after its format.
  static func decode<Fields: Decodable>(_ line: [UInt8]) throws(Unreadable) -> Fields {
    let (decoder, data) = (JSONDecoder(), Data(line))
    guard let header = try? decoder.decode(Header.self, from: data) else { throw .damaged }
    guard header.format <= FileFormat.current else { throw .newer(header.format) }
    guard let fields = try? decoder.decode(Fields.self, from: data) else { throw .damaged }
    return fields
  }

  private struct Header: Decodable {
    var format: UInt64
  }
}
