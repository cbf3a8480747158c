import Plan
import Testing

@testable import Fleet

private func parse(_ text: String) throws(FleetError) -> JSONValue {
  try JSONValue(parsing: Array(text.utf8), "text", limit: 1000)
}

@Suite(.timeLimit(.minutes(5))) struct `Canonical JSON` {
  @Test(arguments: [
    (#" {"b" : 1, "a":[true,false,null,-7] } "#, #"{"a":[true,false,null,-7],"b":1}"#),
    (#"{"\u0061":"\ud83d\ude00\n\/"}"#, "{\"a\":\"😀\\u000a/\"}"),
    (#"{"Z":0,"a":0,"é":0,"aa":0}"#, #"{"Z":0,"a":0,"aa":0,"é":0}"#),
    ("9007199254740992", "9007199254740992"),
    (#"{}"#, #"{}"#), ("[]", "[]"),
  ]) func `has one form for each value`(_ text: String, _ canonical: String) throws {
    let value = try parse(text)
    #expect(String(decoding: value.canonical, as: UTF8.self) == canonical)
    #expect(try JSONValue(parsing: value.canonical, "again", limit: 1000) == value)
  }

  @Test(arguments: [
    #"{"a":1,"a":2}"#, #"{"a":1,"\u0061":2}"#, "1.0", "1e3", "01", "-0", "9007199254740993", "[1,]",
    #"{"a"}"#, "\"\u{1}\"", #""\ud800""#, #""\x""#, "nul", "", "1 2", String(repeating: "[", count: 13),
  ]) func `is refused if it could be read in two ways`(_ text: String) {
    #expect(throws: FleetError.self) { try parse(text) }
  }

  @Test func `is refused with line and column`() {
    let error = #expect(throws: FleetError.self) { try parse("{\n  \"a\": x}") }
    #expect(
      error?.description
        == "text:2:8: found \"x\", expected a value; numbers are whole and at most 2^53")
  }

  @Test func `is refused if it is not UTF-8 or too long`() {
    #expect(throws: FleetError.self) {
      try JSONValue(parsing: [0x22, 0xff, 0x22], "text", limit: 10)
    }
    #expect(throws: FleetError.self) { try JSONValue(parsing: Array("[1,2,3]".utf8), "text", limit: 6) }
  }
}

@Suite(.timeLimit(.minutes(5))) struct `Objects of a fleet` {
  private let shard = ShardID(scan: Digest(of: [1]), number: 3)
  private let box = BoxName("b1")!

  @Test func `are read as they were written`() throws {
    let plan = try fleetPlan("198.18.0.0/24\n", shards: 4, rate: 10, maximumRatePer24: 5)
    #expect(try ScanDescription(body: plan.description.body) == plan.description)
    let deny = DenyObject(sequence: 3, digest: Digest(of: [2]), size: 9)
    #expect(try DenyObject(body: deny.body) == deny)
    let hello = Hello(
      box: box, instance: "0123456789ab", nonce: "n", key: String(repeating: "0", count: 64),
      denySequence: 2, wants: 1, claims: [Claim(shard, done: 3, size: 9)],
      finished: [Offer(shard, manifest: Digest(of: [3]))], rejected: [Rejection(shard, reason: "no")],
      rate: 7, sent: .max, isSending: true, problems: ["p"], version: "1")
    #expect(try Hello(body: hello.body) == hello)
    let offers = (0..<4).map { Offer(shard, manifest: Digest(of: [$0])) }
    let licence = Licence(
      box: box, nonce: "n", generation: 5, rate: 9, ttlMilliseconds: 1000, denySequence: 1,
      denyDigest: Digest(of: []), denyBlob: Digest(of: [7]),
      scans: [ScanReference(scan: Digest(of: [1]), blob: Digest(of: [2]))], hold: [shard],
      receipts: [
        Receipt(offers[0], .accepted), Receipt(offers[1], .superseded),
        Receipt(offers[2], .want([Digest(of: [8])])), Receipt(offers[3], .void("wrong")),
      ], intervalMilliseconds: 500)
    #expect(try Licence(body: licence.body) == licence)
    let facts = ResultFacts(
      rows: 1, size: 30, digest: Digest(of: [4]),
      chunks: [ChunkReference(digest: Digest(of: [5]), size: 30)])
    let manifest = Manifest(
      shard: shard, box: box, instance: "0123456789ab", planDigest: Digest(of: [6]), targets: 9,
      targetsDenied: 1, denySequence: 2, facts: facts, summary: ["probes_completed": 8])
    #expect(try Manifest(body: manifest.body) == manifest)
  }

  @Test(arguments: [
    ("v", JSONValue.number(2)), ("extra", .null), ("shards", .number(0)), ("shards", .number(600)),
    ("seed", .number(1)), ("rate", .number(0)), ("fields", .texts(["saddr"])), ("targets", .list([])),
    ("numbering", .text("scope")), ("plan_sha256", .digest(Digest(of: [9]))),
    ("name", .text("a\u{1b}")),
    ("ports", .text("0-99999")), ("not_after", .text("-1")),
  ]) func `are refused if a member is wrong`(_ name: String, _ value: JSONValue) throws {
    let plan = try fleetPlan("198.18.0.0/24\n", shards: 4, rate: 10)
    guard case .object(var members) = plan.description.body else { return }
    members[name] = value
    #expect(throws: FleetError.self) { try ScanDescription(body: .object(members)) }
  }

  @Test func `are signed for one purpose and by one key`() throws {
    let crypto = ToyCrypto(boxKey: ToyCrypto.key(box))
    let body = JSONValue.object(["v": .number(1)])
    let signed = try #require(SignedObject.sign(body, .hello, with: .box, crypto))
    let read = try SignedObject(parsing: signed.bytes, "hello")
    try read.verify(.hello, key: ToyCrypto.key(box), crypto)
    #expect(throws: FleetError.self) { try read.verify(.manifest, key: ToyCrypto.key(box), crypto) }
    #expect(throws: FleetError.self) { try read.verify(.hello, key: ToyCrypto.fleetKey, crypto) }
  }

  @Test func `name a job and its directives`() throws {
    let plan = try fleetPlan("198.18.0.0/24\n", shards: 4, rate: 10, cooldown: 1500)
    let text = plan.description.directives(shard: 2) + "198.18.0.0/24\n"
    let file = try TargetFile.parse(Array(text.utf8), name: "job")
    #expect(file.directives.shard == (try Shard(2, of: 4)))
    #expect(file.directives.seed == Plan.Seed(42))
    #expect(file.directives.cooldown == .milliseconds(1500))
    let name = ShardID(scan: plan.description.id, number: 2).jobName
    #expect(FleetJobName(name)?.shard == 2)
    #expect(FleetJobName(name)?.scan == plan.description.id.short)
    #expect(FleetJobName("fleet-0123456789abcdeg-1") == nil)
    #expect(FleetJobName("other-0123456789abcdef-1") == nil)
  }

  @Test func `are found by subject`() {
    let digest = Digest(of: [1])
    for subject in [FleetSubject.hello(box), .blob(box, digest), .chunk(box, digest), .operation] {
      #expect(FleetSubject(subject.text) == subject)
    }
    for text in ["q.hello", "q.hello.b1.x", "q.blob.b1", "q.chunk.b1.00", "q.hello.B", "x.hello.b1"] {
      #expect(FleetSubject(text) == nil)
    }
  }

  @Test func `a cut file has the same chunks in whatever pieces it is read`() throws {
    let rows = (0..<500).map { "198.18.0.\($0 % 256),\($0)\n" }.joined()
    let bytes = Array(("saddr,sport\n" + rows).utf8)
    var whole = ResultCutter(largestChunk: 1000)
    try whole.add(bytes)
    let facts = try whole.finish()
    var pieces = ResultCutter(largestChunk: 1000)
    for start in stride(from: 0, to: bytes.count, by: 7) {
      try pieces.add(Array(bytes[start..<min(start + 7, bytes.count)]))
    }
    #expect(try pieces.finish() == facts)
    #expect(facts.rows == 500 && facts.size == UInt64(bytes.count) && facts.digest == Digest(of: bytes))
    #expect(facts.chunks.allSatisfy { $0.size <= 1000 } && facts.chunks.count > 5)
    var cut = ResultCutter()
    try cut.add(Array("saddr,sport\n1.2.3".utf8))
    #expect(throws: FleetError.self) { try cut.finish() }
  }
}
