// The values of a TOML document, each with its place.
import Plan
import Support

/// A value and where it starts.
public struct TOMLValue: Hashable, Sendable {
  public indirect enum Content: Hashable, Sendable {
    case string(String)
    case integer(Int)
    case float(Double)
    case boolean(Bool)
    case list([TOMLValue])
    case table(TOMLTable)
  }

  public let content: Content
  public let location: InputError.Location

  public var string: String? { if case .string(let text) = content { text } else { nil } }
  public var integer: Int? { if case .integer(let number) = content { number } else { nil } }
  public var boolean: Bool? { if case .boolean(let flag) = content { flag } else { nil } }
  public var list: [TOMLValue]? { if case .list(let values) = content { values } else { nil } }
  public var table: TOMLTable? { if case .table(let table) = content { table } else { nil } }

  /// The value as the command line would spell it; nil for a boolean, a list and a table.
  var text: String? {
    switch content {
    case .string(let text): text
    case .integer(let number): "\(number)"
    case .float(let number): "\(number)"
    case .boolean, .list, .table: nil
    }
  }

  /// A short description for messages, safe to print.
  public var shown: String {
    switch content {
    case .string(let text): Self.quoted(text)
    case .integer, .float: text ?? ""
    case .boolean(let flag): "\(flag)"
    case .list(let values): values.isEmpty ? "an empty list" : "a list"
    case .table: "a table"
    }
  }

  /// Returns text in quotes, escaped, and cut at 60 characters, for a message.
  public static func quoted(_ text: String) -> String { "\"\(Escaping.quotable(text, limit: 60))\"" }
}

/// Keys with their values, in the order of the file.
public struct TOMLTable: Hashable, Sendable {
  public struct Entry: Hashable, Sendable {
    public let key: String
    /// Where the key stands; for a section, its name in the header.
    public let location: InputError.Location
    public let value: TOMLValue
  }

  public private(set) var entries: [Entry] = []
  private var indices: [String: Int] = [:]

  public subscript(key: String) -> Entry? { indices[key].map { entries[$0] } }

  mutating func append(_ entry: Entry) {
    indices[entry.key] = entries.count
    entries.append(entry)
  }
}
