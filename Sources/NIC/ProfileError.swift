// Errors in profiles and other TOML files, with their positions.
import Support

/// An error in a TOML file. Prints as `FILE:LINE:COLUMN: found …, expected …`.
public struct ProfileError: Error, Hashable, Sendable, CustomStringConvertible {
  public var file: String
  /// From 1.
  public var line: Int
  /// From 1.
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

  /// Escapes control characters, so that a file cannot control the operator's terminal.
  public var description: String {
    Escaping.visible("\(file):\(line):\(column): found \(found), expected \(expected)")
  }
}

/// Finds the position of a key in TOML text that has been parsed. TOMLKit reports positions of syntax errors only, so
/// this searches section headers, keys, and inline tables on one line. It is used for messages only: if it does not find
/// the key, it returns the position of the nearest enclosing one.
struct ProfilePositions {
  private let lines: [Substring]

  init(_ text: String) {
    // TOML's line endings only: other Unicode line breaks can be in comments and strings.
    lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
  }

  /// Returns the line and column, from 1, of the last key of `path`.
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
      // The remaining keys may be in an inline table on this line.
      var searchStart = equals
      for name in path.dropFirst(key.count) {
        guard let found = body[searchStart...].firstRange(of: name) else { break }
        best = (
          best.depth + 1, number + 1, line.distance(from: line.startIndex, to: found.lowerBound) + 1
        )
        searchStart = found.upperBound
      }
    }
    return (best.line, best.column)
  }

  /// Splits a dotted key into its parts, without quotes.
  private static func parts(_ key: Substring) -> [String] {
    key.split(separator: ".").map { part in
      String(part.filter { !$0.isWhitespace && $0 != "\"" && $0 != "'" })
    }
  }
}
