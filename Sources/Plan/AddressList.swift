// Lists of addresses that may or may not be probed, read so that none is misread in silence.

/// Addresses, ranges and prefixes, one a line, with `#` comments; nothing else.
///
/// Windows line ends and a UTF-8 byte order mark at the start are accepted. A list is refused as a whole for
/// one line that is no IPv4 entry (IPv6 too: it would be left out in silence), if it has no entry, and if its
/// last line is not ended: it may have been cut off within an address, and what is left of 192.0.2.25 is
/// another host.
public enum AddressList {
  /// Throws the first mistake.
  public static func parse(_ octets: Span<UInt8>, name: String) throws(InputError) -> AddressSet {
    let (ranges, errors) = read(octets, name: name, maximumErrors: 1)
    if let error = errors.first { throw error }
    return AddressSet(joining: ranges)
  }

  public static func parse(_ octets: [UInt8], name: String) throws(InputError) -> AddressSet {
    try parse(octets.span, name: name)
  }

  /// Every mistake, one a line at most, up to `maximum`.
  public static func check(_ octets: Span<UInt8>, name: String, maximum: Int = 100) -> [InputError] {
    read(octets, name: name, maximumErrors: maximum).errors
  }

  private static func read(_ octets: Span<UInt8>, name: String, maximumErrors: Int) -> (
    ranges: [AddressRange], errors: [InputError]
  ) {
    var ranges: [AddressRange] = []
    var reader = LineReader(
      name: name, maximumErrors: maximumErrors,
      nulRemedy: "Zeros are what a power cut leaves of a file: write the list anew")
    if isUTF16(octets) {
      return ([], [reader.error("UTF-16", expected: "text in ASCII or UTF-8")])
    }
    reader.read(octets) { (text, at, _) throws(Mistake) in
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
      } else if octets[octets.count - 1] != Grammar.lineFeed {
        reader.errors = [
          reader.error(
            "the end of the file", expected: "a line end; the list may be half written",
            remedy: "End its last line")
        ]
      }
    }
    return (ranges, reader.errors)
  }

  private static func isUTF16(_ octets: Span<UInt8>) -> Bool {
    octets.count >= 2
      && (octets[0] == 0xff && octets[1] == 0xfe || octets[0] == 0xfe && octets[1] == 0xff)
  }
}
