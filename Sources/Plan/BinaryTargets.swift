// Binary target files, and how to tell them from text.

extension TargetFile {
  /// Reads addresses of four bytes in network byte order up to the terminating 0.0.0.0.
  mutating func readBinary(_ bytes: Span<UInt8>) throws(InputError) {
    entries.reserveCapacity(bytes.count / 4)
    var at = 0
    while at + 4 <= bytes.count {
      let address =
        UInt32(bytes[at]) << 24 | UInt32(bytes[at + 1]) << 16 | UInt32(bytes[at + 2]) << 8
        | UInt32(bytes[at + 3])
      at += 4
      if address == 0 { return try endBinary(bytes, at) }
      entries.append(Entry(addresses: AddressRange(address, address), ports: PortSetTable.none))
    }
    let remaining = bytes.count - at
    throw binaryError(
      at, found: remaining == 0 ? "the end of the file" : "\(remaining) of an address's 4 bytes",
      expected: "0.0.0.0 at the end of a binary file", remedy: "The file may be truncated")
  }

  private mutating func endBinary(_ bytes: Span<UInt8>, _ at: Int) throws(InputError) {
    guard at == bytes.count else {
      let remaining = bytes.count - at
      throw binaryError(
        at, found: remaining == 1 ? "1 byte after 0.0.0.0" : "\(remaining) bytes after 0.0.0.0",
        expected: "the end of the file")
    }
    guard !entries.isEmpty else {
      throw binaryError(0, found: "no address", expected: "at least one before 0.0.0.0")
    }
    firstWithoutPorts = .byte(0)
  }

  private func binaryError(_ at: Int, found: String, expected: String, remedy: String? = nil)
    -> InputError
  {
    InputError(file: name, location: .byte(at), found: found, expected: expected, remedy: remedy)
  }

  /// Returns whether a file is text or binary.
  ///
  /// A file that starts like text is text even if control characters follow: a power cut can leave zeros at the end of
  /// a text file, which must not be read as addresses. Therefore a binary file must be named `.bin` if its first two
  /// addresses consist of printable bytes.
  static func detect(_ bytes: Span<UInt8>, name: String) -> Format {
    if name.hasSuffix(".bin") { return .binary }
    if LineReader.hasByteOrderMark(bytes) { return .text }
    let shortestEntry = 7
    let window = min(bytes.count, 4096)
    var inComment = false
    for at in 0..<window {
      let byte = bytes[at]
      if byte == Grammar.lineFeed { inComment = false }
      if byte == Grammar.hash { inComment = true }
      if isControl(byte) { return .binary }
      let isText = byte < 0x80 || inComment
      if isText && at + 1 == shortestEntry { return .text }
      if !isText { break }
    }
    for at in 0..<window where isControl(bytes[at]) { return .binary }
    return .text
  }

  private static func isControl(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "\t"), Grammar.lineFeed, Grammar.carriageReturn: false
    default: byte < 0x20 || byte == 0x7f
    }
  }
}
