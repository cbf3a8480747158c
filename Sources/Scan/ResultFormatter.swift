// Results as CSV (RFC 4180) or JSON Lines.
import Wire

/// The format of a results file.
public enum OutputFormat: String, CaseIterable, Sendable {
  /// A header, then one line per result.
  case csv
  /// One JSON object per line.
  case json
}

/// Formats results, one line each.
public struct ResultFormatter: Sendable {
  public let format: OutputFormat
  public let fields: [ResultField]

  public init(format: OutputFormat, fields: [ResultField]) {
    self.format = format
    self.fields = fields
  }

  /// The first line of a CSV file; empty for JSON.
  public var header: [UInt8] {
    guard format == .csv else { return [] }
    return Array((fields.map(\.rawValue).joined(separator: ",") + "\n").utf8)
  }

  /// An upper bound for the bytes of a line with its newline. The longest value is a timestamp in quotes.
  var longestLine: Int {
    fields.reduce(3) { $0 + $1.rawValue.utf8.count + "\"\":,".utf8.count + 26 }
  }

  /// Appends a result to `buffer`.
  public func append(_ result: ScanResult, to buffer: inout [UInt8]) {
    let json = format == .json
    if json { buffer.append(UInt8(ascii: "{")) }
    for (index, field) in fields.enumerated() {
      if index > 0 { buffer.append(UInt8(ascii: ",")) }
      if json {
        buffer.append(UInt8(ascii: "\""))
        buffer.append(text: field.rawValue)
        buffer.append(UInt8(ascii: "\""))
        buffer.append(UInt8(ascii: ":"))
      }
      append(field.value(of: result), to: &buffer)
    }
    if json { buffer.append(UInt8(ascii: "}")) }
    buffer.append(UInt8(ascii: "\n"))
  }

  /// Appends a value. No value contains a comma, a quote or a control character, so none needs quoting in CSV (RFC 4180,
  /// section 2) or escaping in JSON.
  private func append(_ value: FieldValue, to buffer: inout [UInt8]) {
    let json = format == .json
    switch value {
    case .number(let number): return buffer.append(decimal: number)
    case .absent: return json ? buffer.append(text: "null") : ()
    case .text, .address, .timestamp: break
    }
    if json { buffer.append(UInt8(ascii: "\"")) }
    switch value {
    case .text(let text): buffer.append(text: text)
    case .address(let address): buffer.append(address)
    case .timestamp(let time): buffer.append(timestamp: time)
    case .number, .absent: break
    }
    if json { buffer.append(UInt8(ascii: "\"")) }
  }
}
