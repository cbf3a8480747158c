// Conditions, ranges and digests of a file (RFC 9110, sections 13 and 14; RFC 9530).
import Support

/// A part of a file.
public enum ByteRange {
  public enum Selection: Hashable, Sendable {
    /// The header field is absent, or of a kind that this service ignores, as RFC 9110 allows.
    case whole
    case part(Range<UInt64>)
    /// No byte of the file is in the range.
    case unsatisfiable
  }

  /// Reads a Range field. Several ranges at once count as the whole file.
  public static func select(_ field: String?, size: UInt64) -> Selection {
    guard let field, let equals = field.firstIndex(of: "="),
      field[..<equals].lowercased() == "bytes"
    else { return .whole }
    let text = field[field.index(after: equals)...].filter { $0 != " " && $0 != "\t" }
    let sides = text.split(separator: "-", omittingEmptySubsequences: false)
    guard sides.count == 2, !text.contains(",") else { return .whole }
    guard sides.allSatisfy({ $0.isEmpty || number($0) != nil }) else { return .whole }
    switch (number(sides[0]), number(sides[1])) {
    case (let first?, let last?):
      guard first <= last else { return .whole }
      return first < size ? .part(first..<min(last, size - 1) + 1) : .unsatisfiable
    case (let first?, nil):
      return first < size ? .part(first..<size) : .unsatisfiable
    case (nil, let length?):
      return length > 0 && size > 0 ? .part(size - min(length, size)..<size) : .unsatisfiable
    case (nil, nil):
      return .whole
    }
  }

  /// Digits only. A number that does not fit counts as the greatest that does.
  private static func number(_ text: some StringProtocol) -> UInt64? {
    guard !text.isEmpty, text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else {
      return nil
    }
    return UInt64(text) ?? .max - 1
  }
}

/// A strong entity tag.
public struct EntityTag: Hashable, Sendable, CustomStringConvertible {
  /// Without the quotes.
  let text: String

  /// Tells one state of a file from every other, and each of its codings.
  public init(size: UInt64, modified: UInt64, inode: UInt64, coding: ContentCoding = .identity) {
    let numbers = [inode, size, modified].map { String($0, radix: 16) }.joined(separator: "-")
    text = coding == .identity ? numbers : "\(numbers)-\(coding.rawValue)"
  }

  public var description: String { "\"\(text)\"" }

  /// Returns whether the tag is in a list of tags, or the list is `*`.
  ///
  /// - Parameter weakly: whether `W/` makes no difference.
  func isListed(in field: String, weakly: Bool) -> Bool {
    for item in field.split(separator: ",") {
      var item = item.drop { $0 == " " || $0 == "\t" }
      while let last = item.last, last == " " || last == "\t" { item.removeLast() }
      if item == "*" { return true }
      if weakly, item.hasPrefix("W/") { item = item.dropFirst(2) }
      if item == description { return true }
    }
    return false
  }
}

/// The conditions of a request.
public struct Conditions: Hashable, Sendable {
  public var ifMatch: String?
  public var ifNoneMatch: String?
  public var ifRange: String?

  public init(ifMatch: String? = nil, ifNoneMatch: String? = nil, ifRange: String? = nil) {
    self.ifMatch = ifMatch
    self.ifNoneMatch = ifNoneMatch
    self.ifRange = ifRange
  }

  public enum Verdict: Hashable, Sendable {
    case proceed
    case notModified
    case failed
  }

  public func verdict(on tag: EntityTag) -> Verdict {
    if let ifMatch, !tag.isListed(in: ifMatch, weakly: false) { return .failed }
    if let ifNoneMatch, tag.isListed(in: ifNoneMatch, weakly: true) { return .notModified }
    return .proceed
  }

  /// Returns whether a range may be sent. This service gives no dates, so none can match.
  public func allowsRange(of tag: EntityTag) -> Bool { ifRange.map { $0 == "\(tag)" } ?? true }
}

/// How a body is compressed for its transfer.
public enum ContentCoding: String, CaseIterable, Sendable {
  case zstd, gzip, identity

  /// Chooses the coding that the client prefers; of those that it likes equally the first above. `*` names none that
  /// the client is sure to decode, so it chooses none.
  ///
  /// - Parameter field: Accept-Encoding; nil for none.
  public static func preferred(_ field: String?) -> Self {
    guard let field else { return .identity }
    var weights: [Substring: Double] = [:]
    for item in field.lowercased().split(separator: ",") {
      let parts = item.split(separator: ";").map { $0.trimmed }
      guard let name = parts.first, !name.isEmpty else { continue }
      var weight = 1.0
      for parameter in parts.dropFirst() where parameter.hasPrefix("q=") {
        weight = Double(parameter.dropFirst(2)).flatMap { (0...1).contains($0) ? $0 : nil } ?? 0
      }
      weights[name] = weight
    }
    func weight(_ coding: Self) -> Double {
      if let own = weights[Substring(coding.rawValue)] { return own }
      // Any coding that the client names is better than none.
      return coding == .identity ? 0.001 : 0
    }
    let acceptable = allCases.filter { weight($0) > 0 }
    return acceptable.max { weight($0) < weight($1) } ?? .identity
  }
}

extension Substring {
  fileprivate var trimmed: Substring {
    var text = self.drop { $0 == " " || $0 == "\t" }
    while let last = text.last, last == " " || last == "\t" { text.removeLast() }
    return text
  }
}

/// A field such as `Repr-Digest: sha-256=:BASE64:` (RFC 9530).
public enum DigestField {
  /// - Parameter sha256: 32 bytes.
  public static func text(sha256: [UInt8]) -> String { "sha-256=:\(Base64.encode(sha256)):" }

  /// Returns the SHA-256 of a field; nil if the field has none. Other algorithms are ignored.
  ///
  /// - Throws: a `Problem` if it is malformed.
  public static func sha256(_ field: String) throws(Problem) -> [UInt8]? {
    for item in field.split(separator: ",") {
      let item = item.trimmed
      guard item.hasPrefix("sha-256=") else { continue }
      let value = item.dropFirst(8)
      guard value.count > 2, value.first == ":", value.last == ":",
        let bytes = Base64.decode(Array(value.dropFirst().dropLast().utf8)), bytes.count == 32
      else {
        throw Problem.malformed(
          "the digest field has no valid SHA-256, expected sha-256=:BASE64: (RFC 9530)")
      }
      return bytes
    }
    return nil
  }
}
