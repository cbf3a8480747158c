// Ranges, entity tags, codings and digests.
import Manage
import Support
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A range` {
  @Test(arguments: [
    (nil, ByteRange.Selection.whole), ("bytes=0-", .part(0..<100)), ("bytes=0-0", .part(0..<1)),
    ("bytes=99-", .part(99..<100)), ("bytes=10-19", .part(10..<20)), ("bytes=10-1000", .part(10..<100)),
    ("bytes=-1", .part(99..<100)), ("bytes=-1000", .part(0..<100)), ("Bytes=5-6", .part(5..<7)),
    ("bytes=100-", .unsatisfiable), ("bytes=100-200", .unsatisfiable), ("bytes=-0", .unsatisfiable),
    ("bytes=0-99999999999999999999999", .part(0..<100)),
    ("bytes=99999999999999999999999-", .unsatisfiable),
    ("bytes=18446744073709551615-18446744073709551615", .unsatisfiable),
    ("bytes=0-18446744073709551615", .part(0..<100)),
    ("bytes=2-1", .whole), ("bytes=0-1,3-4", .whole), ("bytes=", .whole), ("bytes=-", .whole),
    ("bytes=a-b", .whole), ("bytes=+1-2", .whole), ("lines=1-2", .whole), ("bytes", .whole),
    ("bytes=1-2-3", .whole), ("", .whole),
  ])
  func `selects as RFC 9110 says`(_ field: String?, _ selection: ByteRange.Selection) {
    #expect(ByteRange.select(field, size: 100) == selection)
  }

  @Test func `selects nothing of an empty file`() {
    for field in ["bytes=0-", "bytes=-1", "bytes=0-0"] {
      #expect(ByteRange.select(field, size: 0) == .unsatisfiable)
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct `An entity tag` {
  private let tag = EntityTag(size: 1, modified: 2, inode: 3)

  @Test func `differs for every state and coding of a file`() {
    let tags = [
      tag, EntityTag(size: 2, modified: 2, inode: 3), EntityTag(size: 1, modified: 3, inode: 3),
      EntityTag(size: 1, modified: 2, inode: 4),
      EntityTag(size: 1, modified: 2, inode: 3, coding: .gzip),
      EntityTag(size: 1, modified: 2, inode: 3, coding: .zstd),
    ]
    #expect(Set(tags.map(\.description)).count == tags.count)
  }

  @Test func `decides whether a file is sent`() {
    func verdict(_ ifMatch: String?, _ ifNoneMatch: String?) -> Conditions.Verdict {
      Conditions(ifMatch: ifMatch, ifNoneMatch: ifNoneMatch).verdict(on: tag)
    }
    #expect(verdict(nil, nil) == .proceed)
    #expect(verdict("\(tag)", nil) == .proceed)
    #expect(verdict("*", nil) == .proceed)
    #expect(verdict("\"x\", \(tag)", nil) == .proceed)
    #expect(verdict("\"x\"", nil) == .failed)
    #expect(verdict("W/\(tag)", nil) == .failed)
    #expect(verdict(nil, "\(tag)") == .notModified)
    #expect(verdict(nil, "W/\(tag)") == .notModified)
    #expect(verdict(nil, "*") == .notModified)
    #expect(verdict(nil, "\"x\"") == .proceed)
    #expect(verdict("\"x\"", "\(tag)") == .failed)
  }

  @Test func `decides whether a range is sent`() {
    #expect(Conditions().allowsRange(of: tag))
    #expect(Conditions(ifRange: "\(tag)").allowsRange(of: tag))
    #expect(!Conditions(ifRange: "W/\(tag)").allowsRange(of: tag))
    #expect(!Conditions(ifRange: "Sun, 29 Nov 2026 00:00:00 GMT").allowsRange(of: tag))
  }
}

@Suite(.timeLimit(.minutes(5))) struct `The coding of a body` {
  @Test(arguments: [
    (nil, ContentCoding.identity), ("", .identity), ("gzip", .gzip), ("zstd", .zstd),
    ("gzip, deflate, br, zstd", .zstd), ("GZIP", .gzip), ("gzip;q=1, zstd;q=0.5", .gzip),
    ("gzip;q=0", .identity), ("identity", .identity), ("identity, gzip;q=0.5", .identity),
    ("*", .identity), ("*;q=0.5, gzip;q=0.1", .gzip), ("br", .identity), ("gzip;q=x", .identity),
    ("gzip ; q=0.001", .gzip), ("identity;q=0, *;q=0", .identity), (",,;", .identity),
  ])
  func `is the one that the client prefers`(_ field: String?, _ coding: ContentCoding) {
    #expect(ContentCoding.preferred(field) == coding)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A digest field` {
  /// The SHA-256 of nothing, as RFC 9530 would write it.
  private let text = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"

  @Test func `is read back`() throws {
    let bytes = try #require(try DigestField.sha256(text))
    #expect(Hexadecimal.encode(bytes).hasPrefix("e3b0c44298fc1c149afbf4c8996fb92427ae41e4"))
    #expect(DigestField.text(sha256: bytes) == text)
    #expect(try DigestField.sha256("sha-512=:AAAA:, \(text)") == bytes)
    #expect(try DigestField.sha256("sha-512=:AAAA:") == nil)
    #expect(try DigestField.sha256("") == nil)
  }

  @Test(arguments: [
    "sha-256=", "sha-256=::", "sha-256=:AAAA:", "sha-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=:",
    "sha-256=:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=:",
  ])
  func `that is malformed is refused`(_ field: String) {
    let problem = #expect(throws: Problem.self) { try DigestField.sha256(field) }
    #expect(problem?.status == 400)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `The Date field` {
  @Test(arguments: [
    (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
    (951_827_696, "Tue, 29 Feb 2000 12:34:56 GMT"), (1_798_761_599, "Thu, 31 Dec 2026 23:59:59 GMT"),
  ])
  func `has the form of RFC 9110`(_ seconds: Int, _ text: String) {
    #expect(HTTPDate.text(seconds: seconds) == text)
  }
}
