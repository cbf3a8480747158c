import Testing

@testable import BoxClient

private let digest = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
private let other = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
private let partial = PartialFile(size: 10, entityTag: "\"a\"", digest: digest)

private func part(
  _ range: String?, length: UInt64? = 90, tag: String? = "\"a\"", reprDigest: String? = nil
) -> FileAnswer {
  FileAnswer(
    status: 206, contentLength: length, contentRange: range, entityTag: tag, reprDigest: reprDigest)
}

@Suite(.timeLimit(.minutes(5))) struct `A download` {
  private let whole = FileAnswer(
    status: 200, contentLength: 100, entityTag: "\"b\"",
    reprDigest: "sha-512=:AA==:, sha-256=:\(digest):")

  @Test func `asks for the whole file, or for the rest of the file that it has a part of`() {
    #expect(Download.fields(resuming: nil).isEmpty)
    let fields = Download.fields(resuming: partial)
    #expect(
      fields.map(\.name) == ["Range", "If-Range"] && fields.map(\.value) == ["bytes=10-", "\"a\""])
  }

  @Test func `begins at the start of a whole file, whatever it had`() throws {
    for had in [nil, partial] {
      let plan = try #require(try Download.plan(whole, resuming: had))
      #expect(plan.offset == 0 && plan.size == 100 && plan.digest == digest)
      #expect(plan.note == PartialFile(size: 0, entityTag: "\"b\"", digest: digest))
    }
  }

  @Test func `goes forward with the part that it asked for`() throws {
    let plan = try #require(try Download.plan(part("bytes 10-99/100"), resuming: partial))
    #expect(plan.offset == 10 && plan.size == 100 && plan.digest == digest)
  }

  @Test func `begins again if its part is of another file`() throws {
    #expect(try Download.plan(FileAnswer(status: 416), resuming: partial) == nil)
    #expect(try Download.plan(part("bytes 10-99/100", tag: "\"b\""), resuming: partial) == nil)
    #expect(
      try Download.plan(part("bytes 10-99/100", reprDigest: "sha-256=:\(other):"), resuming: partial)
        == nil)
  }

  @Test(
    arguments: [
      nil, "", "bytes 9-99/100", "bytes 11-99/100", "bytes 10-98/100", "bytes 10-99/*", "bytes 10-99",
      "bytes */100",
      "bytes 10-99/90", "bytes 99-10/100", "bits 10-99/100", "bytes +10-99/100", "bytes 10-99/100/1",
      "bytes 10-18446744073709551615/18446744073709551616",
    ] as [String?]) func `refuses a part that it did not ask for`(_ range: String?)
  {
    #expect(throws: AnswerError.self) { try Download.plan(part(range), resuming: partial) }
  }

  @Test func `refuses what contradicts the request or cannot be verified`() {
    let known = part("bytes 10-99/100")
    for (answer, had) in [
      (known, nil), (part("bytes 10-99/100", length: 91), partial), (FileAnswer(status: 416), nil),
      (FileAnswer(status: 204), nil), (FileAnswer(status: 200), nil),
      (FileAnswer(status: 200, reprDigest: "sha-256=:AAAA:"), nil),
      (FileAnswer(status: 200, reprDigest: "sha-256=x"), nil),
      (known, PartialFile(size: 10, entityTag: "\"a\"", digest: nil)),
    ] as [(FileAnswer, PartialFile?)] {
      #expect(throws: AnswerError.self) { try Download.plan(answer, resuming: had) }
    }
  }

  @Test func `cannot be resumed without a strong entity tag`() throws {
    for tag in [nil, "W/\"a\"", "a", "\"", "\"a\nb\""] {
      var answer = whole
      answer.entityTag = tag
      #expect(try #require(try Download.plan(answer, resuming: nil)).note == nil)
    }
  }

  @Test func `remembers in a note what its part belongs to`() {
    #expect(PartialFile(size: 10, note: Array(partial.note.utf8)) == partial)
    let bare = PartialFile(size: 10, entityTag: "\"a\"", digest: nil)
    #expect(PartialFile(size: 10, note: Array(bare.note.utf8)) == bare)
    #expect(PartialFile(size: 0, note: Array(partial.note.utf8)) == nil)
    for damaged in ["", "\"a\"", "\"a\"\n", "a\n\n", "\"a\"\n\n\n", "W/\"a\"\n\n", "\u{0}"] {
      #expect(PartialFile(size: 10, note: Array(damaged.utf8)) == nil)
    }
  }
}
