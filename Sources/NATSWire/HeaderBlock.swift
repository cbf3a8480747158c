// Headers of a message (NATS ADR-4): a status line, then fields.

/// A header block. A server puts a status into it; a client does not.
public struct HeaderBlock: Hashable, Sendable {
  public struct Field: Hashable, Sendable {
    public let name: String
    public let value: String

    /// Returns nil if the name is empty or has a colon, or one of both would end the line.
    public init?(_ name: String, _ value: String) {
      guard !name.isEmpty, name.utf8.allSatisfy({ 0x21...0x7e ~= $0 && $0 != UInt8(ascii: ":") }),
        value.utf8.allSatisfy({ $0 != 0x0a && $0 != 0x0d })
      else { return nil }
      self.name = name
      self.value = value
    }
  }

  /// 404 for no record, 503 for nobody who answers; nil for a message of somebody.
  public var status: Int?
  public var reason = ""
  /// In their order; a name may be there more than once.
  public var fields: [Field] = []

  public init(_ fields: [Field] = []) { self.fields = fields }

  /// The value of the first field of this name, whose case does not matter.
  public subscript(name: String) -> String? {
    fields.first { $0.name.lowercased() == name.lowercased() }?.value
  }

  private static let version = "NATS/1.0"

  /// The block as it is sent, with the empty line at its end. A status is left out, because clients send none.
  public var bytes: [UInt8] {
    let lines = [Self.version] + fields.map { "\($0.name): \($0.value)" }
    return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
  }

  /// Parses a block with the empty line at its end.
  ///
  /// - Throws: What was expected instead of what is there.
  init(parsing block: ArraySlice<UInt8>) throws(FrameError) {
    guard let text = String(validating: block, as: UTF8.self) else {
      throw FrameError(found: Array(block), expected: "headers in UTF-8")
    }
    let lines = text.components(endingWith: "\r\n")
    guard let lines, lines.last == "", let first = lines.first, first.hasPrefix(Self.version) else {
      throw FrameError(found: Array(block), expected: "\(Self.version), fields and an empty line")
    }
    let status = first.dropFirst(Self.version.count).drop { $0 == " " }
    if !status.isEmpty {
      let words = status.split(separator: " ", maxSplits: 1)
      guard let code = Int(words[0]), 100...999 ~= code else {
        throw FrameError(found: Array(block), expected: "a status of three digits")
      }
      self.status = code
      reason = words.count > 1 ? String(words[1]) : ""
    }
    // The status of "nobody answers" ends with two empty lines.
    for line in lines.dropFirst() where !line.isEmpty {
      guard let colon = line.firstIndex(of: ":"),
        let field = Field(
          String(line[..<colon]), String(line[line.index(after: colon)...].drop { $0 == " " }))
      else { throw FrameError(found: Array(line.utf8), expected: "a header field, NAME: VALUE") }
      fields.append(field)
    }
  }
}

extension String {
  /// Returns the parts that each end with `separator`; nil if the text does not end with one.
  fileprivate func components(endingWith separator: String) -> [Substring]? {
    var parts = split(separator: separator, omittingEmptySubsequences: false)
    guard parts.popLast() == "" else { return nil }
    return parts
  }
}
