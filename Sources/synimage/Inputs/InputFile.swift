// Reading the builder's TOML files, and errors in inputs that have no line.
import Kernel
import Plan
import Settings

extension StrictTable {
  /// In bytes.
  static let maximumSize = 1 << 20

  /// Reads a file.
  ///
  /// - Parameter known: the keys that the document may have outside of sections.
  /// - Throws: `InputError` for invalid contents, a `Fault` if the file cannot be read.
  init(file: String, known: [String]) throws {
    self.init(try TOMLDocument(try Files.read(file), file: file, maximumSize: Self.maximumSize))
    try requireKnown(known)
  }
}

extension InputError {
  /// An input that the builder rejects as a whole.
  ///
  /// - Parameter subject: the file, module or setting.
  init(_ subject: String, found: String, expected: String) {
    self.init(file: subject, location: .file, found: found, expected: expected)
  }
}
