// The sections of a TOML document while it is parsed.
import Plan

/// A name with its place.
struct TOMLKey {
  let name: String
  let location: InputError.Location
}

/// A table that later lines may extend.
final class TOMLSection {
  /// How the section came to be, which decides what may extend it.
  enum Origin {
    /// As a part of a longer header. Its own header may follow.
    case implied
    /// By its header, or as a table on one line.
    case header
    /// By a dotted key. Further dotted keys may extend it.
    case dotted
  }

  enum Content {
    case value(TOMLValue)
    case section(TOMLSection)
    /// `[[NAME]]`.
    case repeated(Sections)
  }

  /// A class, so that appending does not copy the list.
  final class Sections {
    var list: [TOMLSection] = []
  }

  struct Entry {
    let name: String
    var location: InputError.Location
    var content: Content
  }

  var origin: Origin
  /// How many lists and tables the values are in.
  let depth: Int
  private var entries: [Entry] = []
  private var indices: [String: Int] = [:]

  init(_ origin: Origin, depth: Int) {
    self.origin = origin
    self.depth = depth
  }

  subscript(name: String) -> Entry? { indices[name].map { entries[$0] } }

  func append(_ key: TOMLKey, _ value: TOMLValue) { append(key, .value(value)) }

  func append(_ key: TOMLKey, _ origin: Origin) -> TOMLSection {
    let section = TOMLSection(origin, depth: depth + 1)
    append(key, .section(section))
    return section
  }

  /// Adds a section to those of the same name.
  func appendRepeated(_ key: TOMLKey) -> TOMLSection {
    let section = TOMLSection(.header, depth: depth + 2)
    if case .repeated(let sections)? = self[key.name]?.content {
      sections.list.append(section)
    } else {
      let sections = Sections()
      sections.list.append(section)
      append(key, .repeated(sections))
    }
    return section
  }

  func setLocation(of key: TOMLKey) {
    if let index = indices[key.name] { entries[index].location = key.location }
  }

  private func append(_ key: TOMLKey, _ content: Content) {
    indices[key.name] = entries.count
    entries.append(Entry(name: key.name, location: key.location, content: content))
  }

  /// The finished table.
  var table: TOMLTable {
    var table = TOMLTable()
    for entry in entries {
      func value(_ content: TOMLValue.Content) -> TOMLValue {
        TOMLValue(content: content, location: entry.location)
      }
      let finished =
        switch entry.content {
        case .value(let value): value
        case .section(let section): value(.table(section.table))
        case .repeated(let sections): value(.list(sections.list.map { value(.table($0.table)) }))
        }
      table.append(TOMLTable.Entry(key: entry.name, location: entry.location, value: finished))
    }
    return table
  }
}
