// The tables of docs/reference/configuration.md, from the tables of settings.

/// A setting on the reference page, in Markdown.
public struct SettingRow: Hashable, Sendable {
  public enum Column: Hashable, Sendable {
    case key
    case type
    case standard
    case meaning
    /// Whether a reload applies a changed value.
    case reload
  }

  public var key: String
  public let type: String
  public let standard: String
  public let meaning: String
  public let reload: ReloadRule

  func cell(_ column: Column) -> String {
    switch column {
    case .key: "`\(key)`"
    case .type: type
    case .standard: standard
    case .meaning: meaning
    case .reload: reload == .onReload ? "yes" : "no"
    }
  }
}

extension SettingsTable {
  /// Returns a row for each setting.
  ///
  /// - Parameter root: has the defaults.
  /// - Parameter nested: also those of the sections, as `SECTION.KEY`.
  public func rows(of root: Root, nested: Bool = false) -> [SettingRow] {
    settings.flatMap { setting in
      let standard =
        switch setting.standard {
        case .required: "required"
        case .initial: "`\(setting.written(root))`"
        case .described(let text): text
        }
      let row = SettingRow(
        key: setting.key, type: setting.type, standard: standard, meaning: setting.meaning,
        reload: setting.reload)
      guard nested else { return [row] }
      return [row]
        + setting.inner(root).map { inner in
          var inner = inner
          inner.key = "\(setting.key).\(inner.key)"
          return inner
        }
    }
  }

  /// Returns a Markdown table.
  ///
  /// - Parameter columns: each with its heading.
  public func markdown(
    of root: Root, nested: Bool = false, _ columns: [(column: SettingRow.Column, heading: String)]
  ) -> String {
    func line(_ cells: [String]) -> String {
      "|" + cells.map { $0.isEmpty ? " |" : " \($0) |" }.joined() + "\n"
    }
    let head = line(columns.map(\.heading)) + "|" + columns.map { _ in "---|" }.joined() + "\n"
    return head
      + rows(of: root, nested: nested).map { row in line(columns.map { row.cell($0.column) }) }.joined()
  }
}

/// A page of which parts are generated. A part stands between `<!-- settings: NAME -->` and `<!-- end -->`.
public enum GeneratedPage {
  /// Returns the page with the part replaced; nil if the page does not have it.
  public static func replacing(_ name: String, in page: String, with text: String) -> String? {
    guard let start = page.firstRange(of: "<!-- settings: \(name) -->\n"),
      let end = page[start.upperBound...].firstRange(of: "<!-- end -->")
    else { return nil }
    return "\(page[..<start.upperBound])\n\(text)\n\(page[end.lowerBound...])"
  }
}
