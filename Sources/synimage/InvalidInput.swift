// Errors in the inputs of a build.

/// An input that the builder rejects and that has no line and column (see `ProfileError` for those that have).
struct InvalidInput: Error, CustomStringConvertible {
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
