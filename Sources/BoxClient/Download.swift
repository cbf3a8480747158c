// A download that resumes: what to ask for, and what to do with the answer. Pure; the caller reads and writes.
import Support

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What is known of a file that was partly downloaded.
public struct PartialFile: Hashable, Sendable {
  /// Bytes on disk.
  public var size: UInt64
  /// The strong entity tag of what they are part of.
  public var entityTag: String
  /// The SHA-256 of the whole, in base64, if an answer gave it.
  public var digest: String?

  public init(size: UInt64, entityTag: String, digest: String?) {
    self.size = size
    self.entityTag = entityTag
    self.digest = digest
  }

  /// The note that is kept beside the bytes.
  public var note: String { entityTag + "\n" + (digest ?? "") + "\n" }

  /// Returns nil for a note that is damaged: then the download starts over.
  public init?(size: UInt64, note: [UInt8]) {
    guard let text = String(validating: note, as: UTF8.self) else { return nil }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard size > 0, lines.count == 3, lines[2].isEmpty, Self.isStrong(String(lines[0])) else {
      return nil
    }
    self.size = size
    entityTag = String(lines[0])
    digest = lines[1].isEmpty ? nil : String(lines[1])
  }

  /// Whether a tag is strong, so that parts of what it names may be put together (RFC 9110, section 13.1.5).
  static func isStrong(_ tag: String) -> Bool {
    let bytes = Array(tag.utf8)
    return bytes.count >= 2 && bytes.count <= 256 && bytes.first == UInt8(ascii: "\"")
      && bytes.last == UInt8(ascii: "\"")
      && bytes.dropFirst().dropLast().allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") }
  }
}

/// The answer to a request for a file, without its body. Field values come from the other side.
public struct FileAnswer: Hashable, Sendable {
  public var status: Int
  public var contentLength: UInt64?
  public var contentRange: String?
  public var entityTag: String?
  public var reprDigest: String?

  public init(
    status: Int, contentLength: UInt64? = nil, contentRange: String? = nil, entityTag: String? = nil,
    reprDigest: String? = nil
  ) {
    self.status = status
    self.contentLength = contentLength
    self.contentRange = contentRange
    self.entityTag = entityTag
    self.reprDigest = reprDigest
  }
}

/// What to do with the body of an answer.
public struct DownloadPlan: Hashable, Sendable {
  /// Where its first byte belongs. What lies behind is discarded.
  public var offset: UInt64
  /// The size of the whole file; nil if the answer does not say.
  public var size: UInt64?
  /// What to remember for a later resumption; nil if the file cannot be resumed.
  public var note: PartialFile?
  /// The SHA-256 that the whole file must have, in base64.
  public var digest: String
}

/// An answer that makes no sense.
public struct AnswerError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}

public enum Download {
  /// The fields of the request.
  public static func fields(resuming partial: PartialFile?) -> [(name: String, value: String)] {
    guard let partial else { return [] }
    return [("Range", "bytes=\(partial.size)-"), ("If-Range", partial.entityTag)]
  }

  /// Returns what to do with the body; nil if the partial file does not fit any more and the request must be made again
  /// without it.
  ///
  /// - Throws: if the answer contradicts the request, or does not say what the file must be.
  public static func plan(_ answer: FileAnswer, resuming partial: PartialFile?) throws(AnswerError)
    -> DownloadPlan?
  {
    var plan = DownloadPlan(offset: 0, size: answer.contentLength, note: nil, digest: "")
    let announced = answer.reprDigest.flatMap(DigestField.sha256)
    if answer.reprDigest != nil, announced == nil {
      throw AnswerError("the field Repr-Digest of the answer has no SHA-256")
    }
    switch answer.status {
    case 416 where partial != nil: return nil
    case 206:
      guard let partial else { throw AnswerError("a part was received that was not asked for") }
      guard let range = answer.contentRange.flatMap(ContentRange.init) else {
        throw AnswerError("the field Content-Range of the answer is missing or malformed")
      }
      guard range.first == partial.size, range.last + 1 == range.size,
        answer.contentLength.map({ $0 == range.last - range.first + 1 }) ?? true
      else { throw AnswerError("another part was received than was asked for") }
      if let tag = answer.entityTag, tag != partial.entityTag { return nil }
      plan.offset = partial.size
      plan.size = range.size
      if let announced, let known = partial.digest, announced != known { return nil }
    case 200: break
    default: throw AnswerError("the answer has the unexpected status \(answer.status)")
    }
    guard let digest = announced ?? (answer.status == 206 ? partial?.digest : nil) else {
      throw AnswerError("the answer has no field Repr-Digest, so that the file cannot be verified")
    }
    plan.digest = digest
    let tag = answer.entityTag ?? (answer.status == 206 ? partial?.entityTag : nil)
    if let tag, PartialFile.isStrong(tag) {
      plan.note = PartialFile(size: plan.offset, entityTag: tag, digest: digest)
    }
    return plan
  }
}

/// The field Content-Range of a single part: `bytes FIRST-LAST/SIZE` (RFC 9110, section 14.4).
struct ContentRange: Hashable {
  let first: UInt64
  let last: UInt64
  let size: UInt64

  init?(_ text: String) {
    let prefix = "bytes "
    guard text.hasPrefix(prefix) else { return nil }
    let parts = text.dropFirst(prefix.count).split(
      separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]),
      let size = Self.number(parts[1]), first <= last, last < size
    else { return nil }
    (self.first, self.last, self.size) = (first, last, size)
  }

  private static func number(_ text: Substring) -> UInt64? {
    text.utf8.allSatisfy { 0x30...0x39 ~= $0 } ? UInt64(text) : nil
  }
}

/// Digest fields (RFC 9530): a dictionary of byte sequences.
public enum DigestField {
  /// Returns the SHA-256 in base64, as it stands in the field; nil if there is none of 32 bytes.
  public static func sha256(_ field: String) -> String? {
    for member in field.split(separator: ",") {
      let text = member.drop { $0 == " " || $0 == "\t" }
      let prefix = "sha-256=:"
      guard text.hasPrefix(prefix) else { continue }
      let value = text.dropFirst(prefix.count)
      guard let end = value.firstIndex(of: ":") else { return nil }
      let digest = String(value[..<end])
      guard Data(base64Encoded: digest)?.count == 32 else { return nil }
      return digest
    }
    return nil
  }

  /// The field for a SHA-256.
  public static func field(_ hash: [UInt8]) -> String { "sha-256=:\(base64(hash)):" }

  public static func base64(_ hash: [UInt8]) -> String { Data(hash).base64EncodedString() }
}
