// What the builder will not put into an image.

/// A reason not to build: what was found and what was expected, of a thing that has no line and column.
struct Refusal: Error, CustomStringConvertible {
  /// The file, module or setting.
  let subject: String
  let found: String
  let expected: String

  init(_ subject: String, found: String, expected: String) {
    self.subject = subject
    self.found = found
    self.expected = expected
  }

  var description: String { "\(subject): found \(found), expected \(expected)" }
}
