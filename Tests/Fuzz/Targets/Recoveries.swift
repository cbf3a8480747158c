// The files that an interrupted process may have left in active/.
import Kernel
import Spool
import Wire

extension FuzzTarget {
  /// The first two bytes select the files in a job's directory; the others are their contents. Recovery never loses
  /// the target file, and a second recovery changes nothing.
  static let recovery = FuzzTarget("recovery", maximumLength: 512) { bytes in
    guard bytes.count >= 2 else { return }
    let root = ScratchPath.next()
    try removeAll(root)
    try Files.makeDirectory(root)
    defer { try? removeAll(root) }
    let data = try DataDirectory(root)
    let spool = try Spool(data)
    try leave(bytes, in: "\(data.active)/net.txt")
    let hadTargets = bytes[0] & 1 == 1
    let first = try spool.recoverJobs()
    let places = [data.active, data.results, data.rejected].map { "\($0)/net.txt" }
      .filter { Files.kind(of: "\($0)/net.txt") == .file }
    try require(places.count == (hadTargets ? 1 : 0), "the target file is in \(places)")
    for place in places {
      try require(try Files.read("\(place)/net.txt") == targets, "the target file has changed")
    }
    for note in first.notes + first.jobs.compactMap(\.note) { try requirePrintable(note) }
    for name in first.finished {
      let names = try Files.entries(of: "\(data.results)/\(name)").map(\.description)
      try require(
        names.contains { $0 == "results.csv" || $0 == "results.jsonl" }, "no results: \(names)")
    }
    let second = try spool.recoverJobs()
    try require(second.jobs.map(\.job.record) == first.jobs.map(\.job.record), "another key")
    try require(second.finished.isEmpty, "finished twice")
    try require(second.jobs.allSatisfy { $0.note == nil }, "noted twice")
  }

  /// The files that the box may have left, by the bits of the first two bytes; nil for the input's own bytes.
  private static let leftovers: [(name: String, bytes: [UInt8]?)] = [
    ("net.txt", targets), ("job.json", sound), ("job.json", nil), ("summary.json", Array("{}\n".utf8)),
    ("results.csv", []), ("results.partial", []), ("reason.txt", nil), ("another.txt", []),
    ("results.jsonl", []), ("checkpoint", nil), ("job.json.new", nil), ("summary.json.new", nil),
    ("reason.txt.new", nil),
  ]
  private static let targets = Array("192.0.2.1:80\n".utf8)
  /// A valid record.
  private static let sound: [UInt8] = {
    var record = JobRecord(file: "net.txt", now: 0)
    // Constant, so that runs are reproducible.
    record.key = String(repeating: "5a", count: 16)
    record.seed = 7
    return (try? record.encoded()) ?? []
  }()

  private static func leave(_ input: [UInt8], in directory: String) throws {
    try Files.makeDirectory(directory)
    let bits = UInt16(input[0]) | UInt16(input[1]) << 8
    for (bit, (name, bytes)) in leftovers.enumerated() where bits >> bit & 1 == 1 {
      let file = try Files.create("\(directory)/\(name)")
      try file.writeAll(bytes ?? Array(input.dropFirst(2)))
    }
  }

  private static func removeAll(_ path: String) throws {
    guard let kind = Files.kind(of: path) else { return }
    guard kind == .directory else { return try Files.remove(path) }
    for name in try Files.entries(of: path) { try removeAll("\(path)/\(name)") }
    try Files.removeDirectory(path)
  }
}
