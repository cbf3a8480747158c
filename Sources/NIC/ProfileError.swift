// What is wrong with a profile, and where.
import Kernel

/// A mistake in a profile: prints as `FILE:LINE:COLUMN: found …, expected …`.
public struct ProfileError: Error, Hashable, Sendable, CustomStringConvertible {
  public var file: String
  /// Both from 1.
  public var line: Int
  public var column: Int
  public var found: String
  public var expected: String

  public init(file: String, line: Int, column: Int, found: String, expected: String) {
    self.file = file
    self.line = line
    self.column = column
    self.found = found
    self.expected = expected
  }

  /// What cannot be seen is escaped: a profile must not reach the operator's terminal through its mistakes.
  public var description: String {
    let text = "\(file):\(line):\(column): found \(found), expected \(expected)"
    return text.unicodeScalars.map { scalar in
      FileName.isVisible(scalar) ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
    }.joined()
  }
}

/// Where a key stands in TOML text that has been parsed already. TOMLKit tells positions of syntax errors
/// only, so this looks the key up again: headers, keys and inline tables on one line. Used for messages
/// alone; where it finds nothing it names the nearest thing it did find.
struct ProfilePositions {
  private let lines: [Substring]

  init(_ text: String) {
    // As TOML has it: other characters that break lines elsewhere may stand in comments and strings.
    lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
  }

  /// The line and column, from 1, of the key at the end of `path`.
  func position(of path: [String]) -> (line: Int, column: Int) {
    var section: [String] = []
    var best = (depth: 0, line: 1, column: 1)
    for (number, line) in lines.enumerated() {
      let indent = line.prefix { $0.isWhitespace }.count
      let body = line.dropFirst(indent)
      if body.hasPrefix("[") {
        section = Self.parts(body.dropFirst().prefix { $0 != "]" })
        if path.starts(with: section), section.count > best.depth {
          best = (section.count, number + 1, indent + 2)
        }
        continue
      }
      guard let equals = body.firstIndex(of: "="), !body.hasPrefix("#") else { continue }
      let key = section + Self.parts(body[..<equals])
      guard path.starts(with: key), key.count > best.depth else { continue }
      best = (key.count, number + 1, indent + 1)
      // The rest of the path may lie in an inline table on this line.
      var from = equals
      for name in path.dropFirst(key.count) {
        guard let found = body[from...].firstRange(of: name) else { break }
        best = (
          best.depth + 1, number + 1, line.distance(from: line.startIndex, to: found.lowerBound) + 1
        )
        from = found.upperBound
      }
    }
    return (best.line, best.column)
  }

  /// A dotted key's parts, without quotes.
  private static func parts(_ key: Substring) -> [String] {
    key.split(separator: ".").map { part in
      String(part.filter { !$0.isWhitespace && $0 != "\"" && $0 != "'" })
    }
  }
}
