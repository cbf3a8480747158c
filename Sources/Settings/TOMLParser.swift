// The lines of a TOML document: sections, and keys with their values.
import Plan

struct TOMLParser {
  var cursor: TOMLCursor

  init(_ cursor: TOMLCursor) { self.cursor = cursor }

  mutating func document() throws(InputError) -> TOMLTable {
    let root = TOMLSection(.header, depth: 0)
    var current = root
    while cursor.here != nil {
      cursor.skipBlanks()
      if cursor.here == UInt8(ascii: "[") {
        current = try header(in: root)
      } else if let here = cursor.here, here != UInt8(ascii: "#"), !cursor.isAtLineEnd {
        try keyAndValue(in: current)
      }
      try lineEnd()
    }
    return root.table
  }

  /// Skips blanks, a comment and the line's end.
  private mutating func lineEnd() throws(InputError) {
    cursor.skipBlanks()
    try comment()
    guard cursor.here == nil || cursor.skipLineEnd() else {
      throw cursor.error(expected: "the end of the line")
    }
  }

  /// Skips a comment, if there is one, up to the line's end.
  mutating func comment() throws(InputError) {
    guard cursor.here == UInt8(ascii: "#") else { return }
    while cursor.isAtText { cursor.advance() }
    guard cursor.here == nil || cursor.isAtLineEnd else {
      throw cursor.error(expected: "a comment without control characters")
    }
  }

  // MARK: Keys

  /// Reads `[NAME]` or `[[NAME]]`. Returns the section that it opens.
  private mutating func header(in root: TOMLSection) throws(InputError) -> TOMLSection {
    _ = cursor.skip("[")
    let isRepeated = cursor.skip("[")
    let path = try dottedKey("the name of a section")
    for _ in 0..<(isRepeated ? 2 : 1) {
      guard cursor.skip("]") else { throw cursor.error(expected: isRepeated ? "\"]]\"" : "\"]\"") }
    }
    var section = root
    for key in path.dropLast() { section = try self.section(key, in: section) { _ in true } }
    guard let last = path.last else { return section }
    try requireRoom(section.depth + (isRepeated ? 2 : 1), last)
    switch section[last.name]?.content {
    case nil:
      return isRepeated ? section.appendRepeated(last) : section.append(last, .header)
    case .repeated where isRepeated:
      return section.appendRepeated(last)
    case .section(let known) where !isRepeated && known.origin == .implied:
      known.origin = .header
      section.setLocation(of: last)
      return known
    case .some:
      throw second(last, in: section)
    }
  }

  /// Reads `KEY = VALUE`.
  mutating func keyAndValue(in section: TOMLSection) throws(InputError) {
    let path = try dottedKey("a key")
    guard cursor.skip("=") else { throw cursor.error(expected: "\"=\"") }
    cursor.skipBlanks()
    var section = section
    for key in path.dropLast() {
      section = try self.section(key, in: section, orNew: .dotted) { $0.origin == .dotted }
    }
    guard let last = path.last else { return }
    guard section[last.name] == nil else { throw second(last, in: section) }
    section.append(last, try value(depth: section.depth))
  }

  /// Returns the section of a key that is a part of a longer one.
  ///
  /// - Parameter mayExtend: whether the longer key may add to a known section.
  private func section(
    _ key: TOMLKey, in section: TOMLSection, orNew origin: TOMLSection.Origin = .implied,
    mayExtend: (TOMLSection) -> Bool
  ) throws(InputError) -> TOMLSection {
    switch section[key.name]?.content {
    case nil:
      try requireRoom(section.depth + 1, key)
      return section.append(key, origin)
    case .section(let known) where mayExtend(known): return known
    case .repeated(let sections) where origin == .implied: return sections.list.last ?? section
    case .some: throw second(key, in: section)
    }
  }

  private func second(_ key: TOMLKey, in section: TOMLSection) -> InputError {
    var expected = "each key once"
    if case .line(let line, let column)? = section[key.name]?.location {
      expected += "; the first is at \(line):\(column)"
    }
    return cursor.error(
      at: key.location, found: "\(TOMLValue.quoted(key.name)) a second time", expected: expected)
  }

  /// Reads a key with its dots, and the blanks around it.
  private mutating func dottedKey(_ expected: String) throws(InputError) -> [TOMLKey] {
    var path: [TOMLKey] = []
    repeat {
      cursor.skipBlanks()
      guard path.count < TOMLDocument.maximumDepth else { throw tooDeep() }
      path.append(try key(path.isEmpty ? expected : "a key"))
      cursor.skipBlanks()
    } while cursor.skip(".")
    return path
  }

  private mutating func key(_ expected: String) throws(InputError) -> TOMLKey {
    let location = cursor.location
    if cursor.here == UInt8(ascii: "\"") || cursor.here == UInt8(ascii: "'") {
      return TOMLKey(name: try string(), location: location)
    }
    let start = cursor.at
    while let here = cursor.here, Self.isBare(here) { cursor.advance() }
    guard cursor.at > start else { throw cursor.error(expected: expected) }
    let name = String(decoding: cursor.bytes(from: start), as: UTF8.self)
    return TOMLKey(name: name, location: location)
  }

  static func isBare(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  private func requireRoom(_ depth: Int, _ key: TOMLKey) throws(InputError) {
    guard depth <= TOMLDocument.maximumDepth else { throw tooDeep(at: key.location) }
  }

  func tooDeep(at location: InputError.Location? = nil) -> InputError {
    cursor.error(
      at: location, found: "more than \(TOMLDocument.maximumDepth) levels", expected: "at most that")
  }
}
