// Rejects TOML text that would crash the parser.

/// Checks text before it is parsed, because toml++ 3.4 (in TOMLKit 0.6.0) fails an assertion and aborts the process on
/// some malformed text: a section name that starts with an invalid character (`[=`, `[{`, `[` at the end of a line),
/// mismatched brackets (`[}`), or a time that does not start with a digit (`1979-05-27T:`).
///
/// The check is stricter than TOML where synbox's files do not need more: outside strings and comments, only ASCII is
/// allowed and no colons, so no times, and strings end on their line.
public struct TOMLScreen {
  /// Returns the first position that the parser must not see, counted from 1; nil if the text is safe.
  public static func firstFault(in text: String)
    -> (line: Int, column: Int, found: String, expected: String)?
  {
    var screen = TOMLScreen(text)
    guard let (found, expected) = screen.scan() else { return nil }
    let before = screen.scalars[..<screen.at]
    let line = before.count { $0 == "\n" } + 1
    let start = before.lastIndex(of: "\n").map { $0 + 1 } ?? 0
    return (line, screen.at - start + 1, found, expected)
  }

  private let scalars: [Unicode.Scalar]
  private var at = 0
  /// The open brackets of values.
  private var open: [Unicode.Scalar] = []

  private init(_ text: String) {
    scalars = Array(text.unicodeScalars)
  }

  private var here: Unicode.Scalar? { at < scalars.count ? scalars[at] : nil }

  private mutating func scan() -> (found: String, expected: String)? {
    if here == "\u{feff}" { at += 1 }
    var isLineStart = true
    var isHeader = false
    while let scalar = here {
      switch scalar {
      case "\n":
        isLineStart = open.isEmpty
        isHeader = false
      case " ", "\t", "\r": break
      case "#": skipComment()
      case "\"", "'":
        if let fault = skipString(scalar) { return fault }
      case "[" where isLineStart:
        isHeader = true
        if let fault = skipHeaderStart() { return fault }
      case "[", "{":
        if !isHeader { open.append(scalar) }
      case "]", "}":
        guard isHeader || open.popLast() == (scalar == "]" ? "[" : "{") else {
          return ("\"\(scalar)\"", "a bracket that was opened")
        }
      case ":": return ("\":\"", "no colon outside strings")
      case "!"..."~": break
      default: return ("the character \(scalar.escaped(asASCII: true))", "ASCII outside strings")
      }
      if scalar != "\n", scalar != " ", scalar != "\t", scalar != "\r" { isLineStart = false }
      at += 1
    }
    return nil
  }

  /// Leaves `at` on the last character before the end of the line.
  private mutating func skipComment() {
    while at + 1 < scalars.count, scalars[at + 1] != "\n" { at += 1 }
  }

  /// Leaves `at` on the closing quote.
  private mutating func skipString(_ quote: Unicode.Scalar) -> (found: String, expected: String)? {
    if scalars.dropFirst(at).starts(with: [quote, quote, quote]) {
      return ("a multi-line string", "one that ends on its line")
    }
    let start = at
    at += 1
    while let scalar = here, scalar != "\n", scalar != quote {
      at += scalar == "\\" && quote == "\"" ? 2 : 1
    }
    guard here == quote else {
      at = start
      return ("an unterminated string", "a closing quote on the same line")
    }
    return nil
  }

  /// Leaves `at` on the last character before a section's name.
  private mutating func skipHeaderStart() -> (found: String, expected: String)? {
    if at + 1 < scalars.count, scalars[at + 1] == "[" { at += 1 }
    at += 1
    while here == " " || here == "\t" { at += 1 }
    guard let scalar = here, scalar != "\n", scalar != "\r" else {
      return ("the end of the line", "the name of a section")
    }
    switch scalar {
    case "a"..."z", "A"..."Z", "0"..."9", "_", "-", "\"", "'":
      at -= 1
      return nil
    default: return ("\"\(scalar.escaped(asASCII: true))\"", "the name of a section")
    }
  }
}
