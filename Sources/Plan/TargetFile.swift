// Target files: what is to be probed, as text or as raw addresses.

/// One entry of a target file.
struct Entry: Sendable {
  var addresses: AddressRange
  /// A number in the file's `PortSetTable`, or `PortSetTable.none`.
  var ports: UInt32
}

/// A parsed target file: entries and directives.
///
/// Text has one entry a line, `a.b.c.d`, `a.b.c.d/len` or `a.b.c.d-e.f.g.h`, each optionally followed by
/// `:ports`; `#` starts a comment; `@key value` directives stand before the first entry. A binary file is
/// a sequence of addresses of four bytes in network byte order, ended by 0.0.0.0.
public struct TargetFile: Sendable {
  public enum Format: String, CaseIterable, Sendable {
    /// By the bytes; a name that ends in `.bin` is binary whatever they are.
    case auto
    case text
    case binary
  }

  public let name: String
  public internal(set) var directives = Directives()
  var entries: [Entry] = []
  var portSets = PortSetTable()
  /// The first entry that names no ports.
  var withoutPorts: InputError.Place?

  init(name: String) { self.name = name }

  /// Leaves the file without its entries, so that they are in memory once.
  mutating func takeEntries() -> [Entry] {
    var taken: [Entry] = []
    swap(&taken, &entries)
    return taken
  }

  /// How many entries, as written: overlapping and repeated ones count.
  public var entryCount: Int { entries.count }

  /// Throws the first mistake. A file without entries is one.
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

  /// Every mistake, one a line at most, up to `maximum`; none if `parse` would succeed.
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
        name: name, maximumErrors: maximumErrors,
        nulRemedy:
          "A binary file is read as one if it is named .bin or its format is given as binary")
      reader.read(bytes) { (text, at, place) throws(Mistake) in
        try file.readLine(text, &at, place)
      }
      if reader.errors.isEmpty && file.entries.isEmpty {
        reader.errors = [reader.error("no entry", expected: LineReader.entry)]
      }
      return (file, reader.errors)
    }
  }

  private mutating func readLine(_ text: Span<UInt8>, _ at: inout Int, _ place: LineReader.Position)
    throws(Mistake)
  {
    if text[at] == UInt8(ascii: "@") {
      guard entries.isEmpty else {
        throw Mistake(
          Grammar.word(text, at), expected: "an entry; directives stand before the first one")
      }
      return try directives.parse(text, &at)
    }
    let start = at
    let addresses = try Grammar.addresses(text, &at)
    var ports = PortSetTable.none
    if Grammar.peek(text, at) == Grammar.colon {
      at += 1
      ports = try portSets.parse(text, &at)
    } else if withoutPorts == nil {
      withoutPorts = place.place(start)
    }
    entries.append(Entry(addresses: addresses, ports: ports))
    if entries.count == LineReader.sample {
      entries.reserveCapacity(LineReader.expectedEntries(sampleEnd: at, size: text.count))
    }
  }
}
