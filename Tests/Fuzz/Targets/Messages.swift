// Requirements for messages about untrusted files: short, printable, and with an existing place.
import Plan
import Support

/// Requires that a message has no character that moves the cursor, hides text or changes its direction.
func requirePrintable(_ message: String) throws(FuzzFailure) {
  try require(message.unicodeScalars.allSatisfy(Escaping.isVisible), "not printable: \(message)")
  try require(message.utf8.count < 4096, "a message of \(message.utf8.count) bytes")
}

/// Returns the length of each line in bytes.
func lineLengths(_ file: [UInt8]) -> [Int] {
  let text = file.starts(with: [0xef, 0xbb, 0xbf]) ? file.dropFirst(3) : file[...]
  return text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(\.count)
}

extension InputError {
  /// Requires that the error has an existing place in the file.
  func requirePlace(in bytes: [UInt8]) throws(FuzzFailure) {
    try requirePrintable(description)
    switch location {
    case .file: throw FuzzFailure(description: "no location: \(self)")
    case .byte(let offset): try require(0...bytes.count ~= offset, "byte \(offset): \(self)")
    case .line(let line, let column):
      let lengths = lineLengths(bytes)
      try require(1...lengths.count ~= line, "line \(line) of \(lengths.count): \(self)")
      try require(1...lengths[line - 1] + 1 ~= column, "column \(column): \(self)")
    }
  }
}
