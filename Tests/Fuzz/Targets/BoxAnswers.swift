// What the client reads of a box: server-sent events, problem details, jobs, digest fields.
import BoxClient
import Support

extension FuzzTarget {
  /// Events come out the same in whatever pieces the stream comes, and as a second reading finds them.
  static let serverEvents = FuzzTarget("server-events", maximumLength: 2048) { bytes in
    var parser = EventParser()
    let whole = try parser.take(bytes)
    var single = EventParser()
    let pieces = try bytes.flatMap { try single.take([$0]) }
    try require(whole == pieces, "whole \(whole), in pieces \(pieces)")
    let again = readAgain(bytes)
    try require(whole == again, "found \(whole), a second reading \(again)")
  }

  /// WHATWG HTML, section 9.2.6, line by line.
  private static func readAgain(_ bytes: [UInt8]) -> [ServerEvent] {
    var stream = bytes[...]
    var lines: [[UInt8]] = []
    while let end = stream.firstIndex(where: { $0 == 10 || $0 == 13 }) {
      lines.append(Array(stream[..<end]))
      let isPair = stream[end] == 13 && end + 1 < stream.endIndex && stream[end + 1] == 10
      stream = stream[(end + (isPair ? 2 : 1))...]
    }
    if lines.first?.starts(with: [0xef, 0xbb, 0xbf]) == true { lines[0].removeFirst(3) }
    var events: [ServerEvent] = []
    var name = ""
    var data: [[UInt8]] = []
    for line in lines {
      if line.isEmpty {
        if !data.isEmpty {
          events.append(
            ServerEvent(
              name: name.isEmpty ? "message" : name,
              data: String(decoding: Array(data.joined(separator: [10])), as: UTF8.self)))
        }
        (name, data) = ("", [])
        continue
      }
      let parts = line.split(
        separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
      let value = parts.count == 2 ? Array(parts[1].first == 32 ? parts[1].dropFirst() : parts[1]) : []
      if Array(parts[0]) == Array("data".utf8) { data.append(value) }
      if Array(parts[0]) == Array("event".utf8) { name = String(decoding: value, as: UTF8.self) }
    }
    return events
  }

  /// Nothing of it reaches a terminal unescaped; a note of a download is the same after it was written and read.
  static let boxAnswers = FuzzTarget("box-answers", maximumLength: 2048) { bytes in
    try requireVisible(ProblemDetails(status: 400, body: bytes).text(file: "a.txt"))
    if let jobs = Answer.read(RemoteJobs.self, bytes) { try requireVisible(jobs.text) }
    if let job = Answer.read(RemoteJob.self, bytes) { _ = job.account }
    if let partial = PartialFile(size: 1, note: bytes) {
      try require(PartialFile(size: 1, note: Array(partial.note.utf8)) == partial, "\(partial)")
    }
    let text = String(decoding: bytes, as: UTF8.self)
    if let digest = DigestField.sha256(text) {
      try require(DigestField.sha256("sha-256=:\(digest):") == digest, digest)
    }
    let partial = PartialFile(size: 10, entityTag: "\"a\"", digest: "x")
    for status in [200, 206, 416] {
      let answer = FileAnswer(
        status: status, contentRange: text, entityTag: text, reprDigest: status == 200 ? text : nil)
      guard let plan = try? Download.plan(answer, resuming: partial) else { continue }
      try require(plan.offset == (status == 206 ? 10 : 0), "\(plan)")
      try require(plan.size.map { $0 > plan.offset } ?? (status == 200), "\(plan)")
    }
  }

  private static func requireVisible(_ text: String) throws(FuzzFailure) {
    let hidden = text.unicodeScalars.first { $0 != "\n" && !Escaping.isVisible($0) }
    try require(hidden == nil, "\(text.debugDescription) has \(hidden.debugDescription)")
  }
}
