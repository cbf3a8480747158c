// The formats of job.json, checkpoints and journals: this one, the one before, and what a later one may add.
import Foundation
import Kernel
import LabSupport
import Plan
import Scan
import Spool
import Testing
import Wire

/// Files of a job that version 0.1.0 left behind.
private func golden(_ name: String) throws -> [UInt8] {
  let job = "\(Lab.root)/Tests/Golden/0.1.0/data/active/interrupted.txt"
  return Array(try Data(contentsOf: URL(fileURLWithPath: "\(job)/\(name)")))
}

/// Every byte changed, and every shorter length.
private func damaged(_ bytes: [UInt8]) -> [[UInt8]] {
  bytes.indices.flatMap { offset in
    var wrong = bytes
    wrong[offset] ^= 1
    return [wrong, Array(bytes.prefix(offset))]
  }
}

private func sealed(_ text: String) -> [UInt8] { SealedLine.seal(Array(text.utf8)) }

@Suite(.timeLimit(.minutes(5))) struct `A job record` {
  private static let key = String(repeating: "5a", count: 16)

  @Test func `is unchanged after encoding and decoding`() throws {
    var record = JobRecord(file: "net \"2\".txt", now: 1)
    record.seed = .max
    record.starts = 3
    record.crashes = 2
    record.index = 1 << 63
    #expect(try JobRecord(stored: record.encoded()) == record)
    record.settings = JobRecord.Settings(
      rate: 1000, probes: 2, cooldownNanoseconds: 8_000_000_000, shard: "1/3", targets: 256,
      sources: ["198.18.0.1", "2001:db8::1"], sourcePorts: "32768-61000", probeOptions: "linux",
      scopeSHA256: String(repeating: "ab", count: 32))
    #expect(try JobRecord(stored: record.encoded()) == record)
  }

  @Test func `of format 1 is read`() throws {
    let record = try JobRecord(stored: golden("job.json"))
    #expect(record.file == "interrupted.txt" && record.key == "cabbdfe62b0e71ed8af791c29e8e761c")
    #expect(record.seed == 5_367_365_211_317_762_710 && record.starts == 1 && record.crashes == 1)
    #expect(record.settings?.targets == 16_384 && record.settings?.sources == ["198.18.0.1"])
  }

  @Test func `with any byte missing or wrong is damaged`() throws {
    for whole in [try golden("job.json"), try JobRecord(file: "net.txt", now: 1).encoded()] {
      for bytes in damaged(whole) {
        #expect(throws: Unreadable.damaged) { try JobRecord(stored: bytes) }
      }
    }
  }

  @Test func `may have unknown fields and lack any but key and seed`() throws {
    let record = try JobRecord(
      stored: sealed(
        #"{"format":2,"key":"\#(Self.key)","seed":7,"settings":{"rate":5,"tea":1},"tea":[{}]}"#))
    #expect(record.key == Self.key && record.seed == 7 && record.file == "" && record.starts == 0)
    #expect(record.settings?.rate == 5 && record.settings?.probes == 1)
    for text in [#"{"format":2,"key":"\#(Self.key)"}"#, #"{"format":2,"seed":7}"#] {
      #expect(throws: Unreadable.damaged) { try JobRecord(stored: sealed(text)) }
    }
  }

  @Test func `of a later format is not taken for damaged`() {
    let later = sealed(#"{"format":3,"key":"\#(Self.key)","seed":7}"#)
    #expect(throws: Unreadable.newer(3)) { try JobRecord(stored: later) }
  }

  @Test func `of a later format gives way to a new one and is kept`() throws {
    let box = try Box()
    try box.drop("net.txt")
    _ = try #require(try box.claim())
    let path = "active/net.txt/job.json"
    let later = sealed(#"{"format":3,"key":"\#(Self.key)","seed":7}"#)
    try Data(later).write(to: box.url(path))
    let found = try #require(try box.spool.recoverJobs().jobs.first)
    #expect(found.note?.contains("of format 3, newer than this version reads (2)") == true)
    #expect(found.job.record.key != Self.key && found.job.record.starts == 1)
    #expect(Array(try Data(contentsOf: box.url(path + ".damaged"))) == later)
    #expect(try box.spool.recoverJobs().jobs.first?.note == nil)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `Stored checkpoints` {
  private static let results = #""results":{"crc32c":1,"length":2}"#
  private static let journal = #""journal":{"crc32c":3,"length":8}"#

  /// One with other values in every field.
  private static func checkpoint(_ number: UInt64) -> Checkpoint {
    var totals = ScanTotals(started: number)
    for (index, counter) in ScanTotals.Counter.allCases.enumerated() {
      totals[counter] = number << 8 + UInt64(index)
    }
    for (index, fate) in Fate.allCases.enumerated() {
      totals.fates[fate] = number << 16 + UInt64(index)
    }
    let digit = "\(number % 10)"
    return Checkpoint(
      identity: JobIdentity(
        order: String(repeating: digit, count: 64), output: String(repeating: "b", count: 64)),
      index: .max - number, results: RecordFile.Mark(length: number, checksum: .max),
      journal: RecordFile.Mark(length: number * 8, checksum: 7), totals: totals)
  }

  @Test func `are unchanged after encoding and decoding`() throws {
    let (one, two) = (Self.checkpoint(1), Self.checkpoint(2))
    let stored = StoredCheckpoints(try two.encoded() + one.encoded())
    #expect(stored.checkpoints == [two, one] && stored.problem == nil)
  }

  @Test func `are unchanged in format 1`() throws {
    let bytes = try #require(Self.checkpoint(1).encodedFormat1)
    #expect(bytes.count == 476)
    // What later versions count has no place there.
    var expected = Self.checkpoint(1)
    for counter in [
      .overload, .resetsWithheld, .unprobedSources, .unprobedTargets, .targetsDenied,
    ]
      as [ScanTotals.Counter]
    {
      expected.totals[counter] = 0
    }
    expected.totals.fates[.badIdentification] = 0
    #expect(StoredCheckpoints(bytes).checkpoints == [expected])
    var other = Self.checkpoint(1)
    other.identity.order = "short"
    #expect(other.encodedFormat1 == nil)
  }

  @Test func `of format 1 are read and written byte for byte`() throws {
    let bytes = try golden("checkpoint")
    let checkpoint = try #require(StoredCheckpoints(bytes).checkpoints.first)
    #expect(checkpoint.index == 0x1da2 && checkpoint.results.length == 0x14dfa)
    #expect(checkpoint.totals[.written] == 0x1392 && checkpoint.totals.fates.open == 0x1392)
    #expect(checkpoint.totals[.peakResident] == 0x18d_7000)
    #expect(checkpoint.encodedFormat1 == bytes)
  }

  @Test func `lose one checkpoint by a wrong byte, and both by one in the first line's end`() throws {
    let (one, two) = (Self.checkpoint(1), Self.checkpoint(2))
    let first = try two.encoded()
    let whole = try first + one.encoded()
    for offset in whole.indices {
      var wrong = whole
      wrong[offset] ^= 1
      let stored = StoredCheckpoints(wrong)
      #expect(stored.problem == .damaged, "byte \(offset)")
      let isNewline = whole[offset] == UInt8(ascii: "\n")
      let other = offset < first.count ? one : two
      #expect(isNewline || stored.checkpoints == [other], "byte \(offset)")
      let cut = StoredCheckpoints(Array(whole.prefix(offset)))
      #expect(cut.checkpoints == (offset >= first.count ? [two] : []))
      #expect(cut.problem == (offset == first.count ? nil : .damaged))
    }
  }

  @Test func `may have unknown fields and lack any but the marks`() throws {
    let line = #"{"format":2,\#(Self.journal),\#(Self.results),"tea":[1],"totals":{"tea":2}}"#
    let checkpoint = try #require(StoredCheckpoints(sealed(line)).checkpoints.first)
    #expect(checkpoint.results == RecordFile.Mark(length: 2, checksum: 1))
    #expect(checkpoint.index == 0 && checkpoint.totals == ScanTotals(started: 0))
    for mark in [Self.results, Self.journal] {
      let stored = StoredCheckpoints(sealed(#"{"format":2,"index":5,\#(mark)}"#))
      #expect(stored.checkpoints.isEmpty && stored.problem == .damaged)
    }
  }

  @Test func `of a later format are not taken for damaged`() {
    let line = #"{"format":3,\#(Self.journal),\#(Self.results)}"#
    let stored = StoredCheckpoints(sealed(line))
    #expect(stored.checkpoints.isEmpty && stored.problem == .newer(3))
  }

  @Test func `with impossible lengths are damaged`() {
    for mark in [#""crc32c":1,"length":9223372036854775808"#, #""crc32c":4294967296,"length":1"#] {
      let stored = StoredCheckpoints(sealed(#"{"format":2,\#(Self.journal),"results":{\#(mark)}}"#))
      #expect(stored.checkpoints.isEmpty && stored.problem == .damaged)
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A journal` {
  private static let header: [UInt8] = [0, 0, 0, 2, 0, 0, 1, 0]
  private static let open: [UInt8] = [198, 18, 0, 2, 0, 80, 1, 0]
  private static let closed: [UInt8] = [198, 18, 0, 3, 0, 80, 2, 0]
  /// As the format reserves it: address in two further units.
  private static let ipv6: [UInt8] =
    [0, 0, 0, 0, 0, 80, 0x21, 0] + [0x20, 1, 13, 0xb8] + Array(0..<12)

  private struct Read {
    var records: [[UInt8]] = []
    var skipped = 0
  }

  /// Reads a journal of these bytes.
  private func read(_ bytes: [UInt8]) throws -> Read {
    let url = FileManager.default.temporaryDirectory.appending(path: "journal-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: url) }
    let file = try #require(try RecordFile(url.path, at: RecordFile.Mark()))
    try file.append(bytes)
    var read = Read()
    read.skipped = try file.readJournal { record in
      var encoded: [UInt8] = []
      record.append(to: &encoded)
      read.records.append(encoded)
    }
    return read
  }

  @Test func `begins with a header that version 0.1.0 takes for a reply`() throws {
    let box = try Box()
    try box.drop("net.txt")
    let job = try #require(try box.claim())
    let identity = JobIdentity(
      order: String(repeating: "a", count: 64), output: String(repeating: "b", count: 64))
    let files = try job.openFiles(for: identity)
    let stored = Array(try Data(contentsOf: box.url("active/net.txt/answers")))
    #expect(stored == Self.header)
    #expect(JournalRecord(stored[...]) != nil)
    #expect(files.journal.mark.length == 8)
    #expect(try job.openFiles(for: identity).journal.mark.length == 8, "a second header")
  }

  @Test func `may have no header, as in format 1`() throws {
    #expect(try read(Self.open + Self.closed).records == [Self.open, Self.closed])
    #expect(try read(Self.header + Self.open).records == [Self.open])
    #expect(try read(golden("answers")).records.count == 41_648 / 8)
  }

  @Test func `may have records of other address families, which are counted`() throws {
    let found = try read(Self.header + Self.ipv6 + Self.open + Self.ipv6 + Self.ipv6 + Self.closed)
    #expect(found.records == [Self.open, Self.closed] && found.skipped == 3)
  }

  @Test func `with records of other families is noted when its job resumes`() throws {
    let box = try Box()
    try box.drop("net.txt")
    let job = try #require(try box.claim())
    let identity = JobIdentity(
      order: String(repeating: "a", count: 64), output: String(repeating: "b", count: 64))
    let files = try job.openFiles(for: identity)
    try files.journal.append(Self.ipv6 + Self.open)
    try job.save(
      Checkpoint(
        identity: identity, index: 5, results: files.results.mark, journal: files.journal.mark,
        totals: ScanTotals(started: 0)))
    let resumed = try job.openFiles(for: identity)
    #expect(resumed.checkpoint?.index == 5 && resumed.notes.count == 1)
    #expect(resumed.notes.first?.contains("1 records of an unknown address family") == true)
  }

  @Test func `with part of a record is an error`() {
    let whole = Self.header + Self.open + Self.ipv6
    for length in whole.indices where length != 8 && length != 16 && length > 0 {
      #expect(throws: Fault.self, "\(length) bytes") { try read(Array(whole.prefix(length))) }
    }
  }

  static let invalid: [(Int, UInt8)] = [(6, 0), (6, 4), (6, 0x0f), (7, 1)]

  @Test(arguments: invalid)
  func `with another kind or last byte is an error`(_ offset: Int, _ byte: UInt8) {
    var record = Self.open
    record[offset] = byte
    #expect(throws: Fault.self) { try read(Self.header + Self.closed + record) }
  }

  @Test func `of a later format starts the job over and is kept`() throws {
    let box = try Box()
    try box.drop("net.txt")
    let job = try #require(try box.claim())
    let identity = JobIdentity(
      order: String(repeating: "a", count: 64), output: String(repeating: "b", count: 64))
    let later: [UInt8] = [0, 0, 0, 3, 0, 0, 1, 0] + [9, 9, 9, 9, 9, 9, 9, 9]
    try Data(later).write(to: box.url("active/net.txt/answers"))
    try Data("x\n".utf8).write(to: URL(fileURLWithPath: job.partialResultsPath))
    try job.save(
      Checkpoint(
        identity: identity, index: 5,
        results: RecordFile.Mark(length: 2, checksum: CRC32C.of(Array("x\n".utf8))),
        journal: RecordFile.Mark(length: 16, checksum: CRC32C.of(later)), totals: ScanTotals(started: 0)
      ))
    let files = try job.openFiles(for: identity)
    #expect(files.checkpoint == nil && files.results.mark.length == 0)
    #expect(files.notes.count == 1 && files.notes.first?.contains("of format 3") == true)
    #expect(Array(try Data(contentsOf: box.url("active/net.txt/answers.damaged"))) == later)
  }
}
