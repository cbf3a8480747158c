// Allow and deny lists.

/// Parses addresses, ranges and prefixes, one per line, with `#` comments.
///
/// Windows line ends and a UTF-8 byte order mark at the start are accepted. The whole list is rejected if it has no
/// entry, if any line is not an IPv4 entry (an IPv6 line must not be ignored silently), or if its last line has no
/// line end: a truncated 192.0.2.25 still parses, as another host.
public enum AddressList {
  /// Returns the addresses of a list. Throws the first error.
  public static func parse(_ bytes: Span<UInt8>, name: String) throws(InputError) -> AddressSet {
    let (ranges, errors) = read(bytes, name: name, maximumErrors: 1)
    if let error = errors.first { throw error }
    return AddressSet(joining: ranges)
  }

  public static func parse(_ bytes: [UInt8], name: String) throws(InputError) -> AddressSet {
    try parse(bytes.span, name: name)
  }

  /// Returns the errors of a list, at most one per line and `maximum` in all.
  public static func check(_ bytes: Span<UInt8>, name: String, maximum: Int = 100) -> [InputError] {
    read(bytes, name: name, maximumErrors: maximum).errors
  }

  private static func read(_ bytes: Span<UInt8>, name: String, maximumErrors: Int) -> (
    ranges: [AddressRange], errors: [InputError]
  ) {
    var ranges: [AddressRange] = []
    var reader = LineReader(
      name: name, maximumErrors: maximumErrors,
      nulRemedy: "A power cut may have filled the file with zeros: write the list again")
    if isUTF16(bytes) {
      return ([], [reader.error("UTF-16", expected: "text in ASCII or UTF-8")])
    }
    reader.read(bytes) { (text, at, _) throws(ParseError) in
      if text[at] == UInt8(ascii: "@") {
        throw ParseError(
          Grammar.word(text, at), expected: "\(LineReader.entry); an address list has no directives")
      }
      let range = try Grammar.addresses(text, &at)
      if case let next = Grammar.peek(text, at), !Grammar.endsWord(next) {
        throw ParseError(
          Grammar.word(text, at), expected: "the end of the line; an address list has no ports")
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
            "the end of the file", expected: "a line end; the list may be incomplete",
            remedy: "End the last line with a line feed")
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
