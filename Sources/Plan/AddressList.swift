// Lists of addresses that may or may not be probed, read so that none is misread in silence.

/// Addresses, ranges and prefixes, one a line, with `#` comments; nothing else.
///
/// Windows line ends and a UTF-8 byte order mark at the start are accepted. A list is refused as a whole for
/// one line that is no IPv4 entry (IPv6 too: it would be left out in silence), if it has no entry, and if its
/// last line is not ended: it may have been cut off within an address, and what is left of 192.0.2.25 is
/// another host.
public enum AddressList {
  /// Throws the first mistake.
  public static func parse(_ bytes: Span<UInt8>, name: String) throws(InputError) -> AddressSet {
    let (ranges, errors) = read(bytes, name: name, maximumErrors: 1)
    if let error = errors.first { throw error }
    return AddressSet(joining: ranges)
  }

  public static func parse(_ bytes: [UInt8], name: String) throws(InputError) -> AddressSet {
    try parse(bytes.span, name: name)
  }

  /// Every mistake, one a line at most, up to `maximum`.
  public static func check(_ bytes: Span<UInt8>, name: String, maximum: Int = 100) -> [InputError] {
    read(bytes, name: name, maximumErrors: maximum).errors
  }

  private static func read(_ bytes: Span<UInt8>, name: String, maximumErrors: Int) -> (
    ranges: [AddressRange], errors: [InputError]
  ) {
    var ranges: [AddressRange] = []
    var reader = LineReader(
      name: name, maximumErrors: maximumErrors,
      nulRemedy: "Zeros are what a power cut leaves of a file: write the list anew")
    if isUTF16(bytes) {
      return ([], [reader.error("UTF-16", expected: "text in ASCII or UTF-8")])
    }
    reader.read(bytes) { (text, at, _) throws(Mistake) in
      if text[at] == UInt8(ascii: "@") {
        throw Mistake(Grammar.word(text, at), expected: "\(LineReader.entry); a list has no directives")
      }
      let range = try Grammar.addresses(text, &at)
      if case let next = Grammar.peek(text, at), !Grammar.endsWord(next) {
        throw Mistake(
          Grammar.word(text, at), expected: "the end of the line; a list has addresses alone, no ports")
      }
      ranges.append(range)
      if ranges.count == LineReader.sample {
        ranges.reserveCapacity(LineReader.expectedEntries(sampleEnd: at, size: text.count))
      }
    }
    if reader.errors.isEmpty {
      if ranges.isEmpty {
        reader.errors = [reader.error("no entry", expected: LineReader.entry)]
      } else if bytes[bytes.count - 1] != Grammar.lineFeed {
        reader.errors = [
          reader.error(
            "the end of the file", expected: "a line end; the list may be half written",
            remedy: "End its last line")
        ]
      }
    }
    return (ranges, reader.errors)
  }

  private static func isUTF16(_ bytes: Span<UInt8>) -> Bool {
    bytes.count >= 2
      && (bytes[0] == 0xff && bytes[1] == 0xfe || bytes[0] == 0xfe && bytes[1] == 0xff)
  }
}
