// Binary target files, and telling them from text.

extension TargetFile {
  /// Addresses of four octets in network byte order, ended by 0.0.0.0.
  mutating func readBinary(_ octets: Span<UInt8>) throws(InputError) {
    entries.reserveCapacity(octets.count / 4)
    var at = 0
    while at + 4 <= octets.count {
      let address =
        UInt32(octets[at]) << 24 | UInt32(octets[at + 1]) << 16 | UInt32(octets[at + 2]) << 8
        | UInt32(octets[at + 3])
      at += 4
      if address == 0 { return try endBinary(octets, at) }
      entries.append(Entry(addresses: AddressRange(address, address), ports: PortSetTable.none))
    }
    let left = octets.count - at
    throw binaryError(
      at, found: left == 0 ? "the end of the file" : "\(left) of an address's 4 octets",
      expected: "0.0.0.0, which ends a binary file", remedy: "The file may have been cut off")
  }

  private mutating func endBinary(_ octets: Span<UInt8>, _ at: Int) throws(InputError) {
    guard at == octets.count else {
      let left = octets.count - at
      throw binaryError(
        at, found: left == 1 ? "1 octet after 0.0.0.0" : "\(left) octets after 0.0.0.0",
        expected: "the end of the file")
    }
    guard !entries.isEmpty else {
      throw binaryError(0, found: "no address", expected: "at least one before 0.0.0.0")
    }
    withoutPorts = .octet(0)
  }

  private func binaryError(_ at: Int, found: String, expected: String, remedy: String? = nil)
    -> InputError
  {
    InputError(file: name, place: .octet(at), found: found, expected: expected, remedy: remedy)
  }

  /// A file that starts like text is text even if it has control characters later, so that a text whose end
  /// was overwritten with zeros (a power cut does that) is never taken for addresses. The price is small: a
  /// binary file whose first two addresses happen to consist of printable octets must be named `.bin`.
  static func detect(_ octets: Span<UInt8>, name: String) -> Format {
    if name.hasSuffix(".bin") { return .binary }
    if LineReader.hasByteOrderMark(octets) { return .text }
    let shortestEntry = 7
    let window = min(octets.count, 4096)
    var inComment = false
    for at in 0..<window {
      let octet = octets[at]
      if octet == Grammar.lineFeed { inComment = false }
      if octet == Grammar.hash { inComment = true }
      if isControl(octet) { return .binary }
      let isText = octet < 0x80 || inComment
      if isText && at + 1 == shortestEntry { return .text }
      if !isText { break }
    }
    for at in 0..<window where isControl(octets[at]) { return .binary }
    return .text
  }

  private static func isControl(_ octet: UInt8) -> Bool {
    switch octet {
    case UInt8(ascii: "\t"), Grammar.lineFeed, Grammar.carriageReturn: false
    default: octet < 0x20 || octet == 0x7f
    }
  }
}
