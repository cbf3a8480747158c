// Target files, as text or as binary addresses.

/// An entry of a target file.
struct Entry: Sendable {
  var addresses: AddressRange
  /// A port set's number in the file's `PortSetTable`, or `PortSetTable.none`.
  var ports: UInt32
}

/// A parsed target file: directives and entries.
///
/// A text file has one entry per line, `a.b.c.d`, `a.b.c.d/len` or `a.b.c.d-e.f.g.h`, optionally followed by `:ports`; `#`
/// starts a comment, and directives `@key value` precede the first entry. A binary file is a sequence of addresses of four
/// bytes in network byte order, terminated by 0.0.0.0.
public struct TargetFile: Sendable {
  public enum Format: String, CaseIterable, Sendable {
    /// Chosen by the file's first bytes; a file whose name ends in `.bin` is binary.
    case auto
    case text
    case binary
  }

  public let name: String
  public internal(set) var directives = Directives()
  var entries: [Entry] = []
  /// The number of entries that were checked and not kept.
  var discarded = 0
  var portSets = PortSetTable()
  /// The location of the first entry without ports.
  var firstWithoutPorts: InputError.Location?

  init(name: String) { self.name = name }

  /// A file without entries.
  public static func empty(_ name: String) -> TargetFile { TargetFile(name: name) }

  /// Removes and returns the entries, so that they are in memory once.
  mutating func takeEntries() -> [Entry] {
    var removed: [Entry] = []
    swap(&removed, &entries)
    return removed
  }

  /// The number of entries in the file; overlapping and repeated ones count.
  public var entryCount: Int { entries.count }

  /// Parses a target file. Throws the first error; a file without entries is an error, too.
  public static func parse(_ bytes: Span<UInt8>, name: String, format: Format = .auto)
    throws(InputError) -> TargetFile
  {
    let (file, errors) = read(bytes, name: name, format: format, maximumErrors: 1)
    if let error = errors.first { throw error }
    return file
  }

  public static func parse(_ bytes: [UInt8], name: String, format: Format = .auto)
    throws(InputError) -> TargetFile
  {
    try parse(bytes.span, name: name, format: format)
  }

  /// Returns the errors of a target file, at most one per line and `maximum` in all; none if `parse` would succeed.
  public static func check(
    _ bytes: Span<UInt8>, name: String, format: Format = .auto, maximum: Int = 100
  ) -> [InputError] {
    read(bytes, name: name, format: format, maximumErrors: maximum).errors
  }

  public static func check(
    _ bytes: [UInt8], name: String, format: Format = .auto, maximum: Int = 100
  ) -> [InputError] {
    check(bytes.span, name: name, format: format, maximum: maximum)
  }

  static let nulRemedy = "Name a binary file .bin, or give its format as binary"

  private static func read(
    _ bytes: Span<UInt8>, name: String, format: Format, maximumErrors: Int
  ) -> (file: TargetFile, errors: [InputError]) {
    var file = TargetFile(name: name)
    switch format == .auto ? detect(bytes, name: name) : format {
    case .binary:
      do {
        try file.readBinary(bytes)
        return (file, [])
      } catch {
        return (file, [error])
      }
    case .text, .auto:
      var reader = LineReader(
        name: name, maximumErrors: maximumErrors, nulRemedy: nulRemedy)
      reader.read(bytes) { (text, at, position) throws(ParseError) in
        try file.readLine(text, &at, position)
      }
      if reader.errors.isEmpty && file.entries.isEmpty {
        reader.errors = [reader.error("no entry", expected: LineReader.entry)]
      }
      return (file, reader.errors)
    }
  }

  mutating func readLine(_ text: Span<UInt8>, _ at: inout Int, _ position: LineReader.Position)
    throws(ParseError)
  {
    if text[at] == UInt8(ascii: "@") {
      guard entries.isEmpty, discarded == 0 else {
        throw ParseError(
          Grammar.word(text, at), expected: "an entry; directives must precede the first entry")
      }
      return try directives.parse(text, &at)
    }
    let start = at
    let addresses = try Grammar.addresses(text, &at)
    var ports = PortSetTable.none
    if Grammar.peek(text, at) == Grammar.colon {
      at += 1
      ports = try portSets.parse(text, &at)
    } else if firstWithoutPorts == nil {
      firstWithoutPorts = position.location(of: start)
    }
    entries.append(Entry(addresses: addresses, ports: ports))
    if entries.count == LineReader.sample {
      entries.reserveCapacity(LineReader.expectedEntries(sampleEnd: at, size: text.count))
    }
  }
}
