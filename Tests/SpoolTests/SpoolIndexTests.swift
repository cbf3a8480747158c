// What is kept from one listing of the spool to the next.
import Foundation
import Kernel
import LabSupport
import Plan
import Spool
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A listing after others` {
  /// What a new process would list, once all has settled.
  private func expected(_ box: Box) throws -> Spool.Listing {
    let other = try Spool(box.data, existingFilesAreComplete: true)
    other.limits = box.spool.limits
    other.limits.readingTime = .max
    var listing = try other.list(now: box.now)
    // An empty file settles.
    listing = try other.list(now: box.now + 2_000_000_000)
    return listing
  }

  private func expectSame(_ box: Box, _ comment: Comment) throws {
    // Two seconds, because a file that is complete after a second may have changed in the first.
    for _ in 0..<3 {
      _ = try box.list()
      box.waitASecond()
    }
    var (found, expected) = (try box.list(), try expected(box))
    (found.number, expected.number) = (0, 0)
    #expect(found == expected, comment)
  }

  @Test(arguments: 0..<8)
  func `is what a new process would list, whatever happened`(_ seed: UInt64) throws {
    var random = SeededGenerator(Seed.ofThisRun &+ seed)
    let box = try Box()
    box.spool.limits.readingTime = .max
    box.spool.limits.queued = 12
    box.spool.limits.bytes = 400
    try FileManager.default.createDirectory(at: box.url("other"), withIntermediateDirectories: false)
    var done: [String] = []
    for _ in 0..<40 {
      for _ in 0..<Int.random(in: 1...12, using: &random) {
        done.append(try change(box, &random))
      }
      if Bool.random(using: &random) { _ = try box.list() }
      if Bool.random(using: &random) { box.waitASecond() }
      if Int.random(in: 0..<4, using: &random) == 0 {
        try expectSame(box, "\(done.joined(separator: "; "))")
        done = []
      }
    }
  }

  /// Does something that an operator or a hostile user might do, and returns what.
  private func change(_ box: Box, _ random: inout SeededGenerator) throws -> String {
    let number = Int.random(in: 0..<20, using: &random)
    let name = ["n\(number)", "n\(number).cancel", ".n\(number)", "-n\(number)"].randomElement(
      using: &random)!
    let path = box.url("spool/\(name)").path
    let manager = FileManager.default
    let text = "@priority \(Int.random(in: 0...100, using: &random))\n198.18.0.1:80\n"
    let action = Int.random(in: 0..<9, using: &random)
    switch action {
    case 0: try? box.drop(name, text)
    case 1: try? Data(text.utf8).write(to: box.url("spool/\(name)"), options: [])
    case 2: try? manager.removeItem(atPath: path)
    case 3: try? manager.moveItem(atPath: path, toPath: box.url("spool/n\(number)x").path)
    case 4: try? manager.moveItem(atPath: path, toPath: box.url("other/\(UUID().uuidString)").path)
    case 5: _ = unsafe chmod(path, mode_t(Int.random(in: 0...0o777, using: &random)) | 0o600)
    case 6: try? manager.createDirectory(atPath: path, withIntermediateDirectories: false)
    case 7:
      if let file = FileHandle(forWritingAtPath: path) {
        try file.truncate(atOffset: 0)
        try file.close()
      }
    default:
      let outside = box.url("other/\(UUID().uuidString)")
      try Data(text.utf8).write(to: outside)
      try? manager.linkItem(atPath: outside.path, toPath: path)
    }
    return "\(action) \(name)"
  }

  @Test func `is the same, number included, if nothing has changed`() throws {
    let box = try Box()
    try box.drop("a")
    try box.drop("-b")
    let first = try box.list()
    // Listing has read the file, which is an event.
    box.waitASecond()
    #expect(try box.list() == first)
    try box.drop("c")
    #expect(try box.list().number > first.number)
  }

  @Test func `has everything when events were lost`() throws {
    let box = try Box()
    box.spool.limits.readingTime = .max
    box.spool.limits.queued = 100_000
    try box.drop("first")
    _ = try box.list()
    // The kernel keeps 16,384 events by default, and each file makes several.
    let limit =
      Int(
        try String(contentsOfFile: "/proc/sys/fs/inotify/max_queued_events", encoding: .utf8)
          .trimmingCharacters(in: .whitespacesAndNewlines)) ?? 16_384
    try #require(limit <= 100_000)
    for number in 0..<limit / 2 {
      try Data("198.18.0.1:80\n".utf8).write(to: box.url("spool/f\(number)"), options: [])
    }
    try Files.remove(box.url("spool/first").path)
    let deadline = Clock.monotonic + 60_000_000_000
    while try box.list().queue.count < limit / 2, Clock.monotonic < deadline { box.waitASecond() }
    #expect(try box.list().queue.count == limit / 2)
    #expect(try box.list().queue.allSatisfy { $0.name != "first" })
  }

  @Test func `sees what happens without events, in a directory put in place of the one watched`() throws
  {
    let box = try Box()
    try box.drop("old")
    _ = try box.list()
    try Files.rename(box.data.spool, to: box.url("away").path)
    try FileManager.default.createDirectory(atPath: box.data.spool, withIntermediateDirectories: false)
    try box.drop("new")
    for _ in 0..<2 {
      _ = try box.list()
      box.waitASecond()
    }
    #expect(try box.list().queue.map(\.name) == ["new"])
    try box.drop("newer")
    for _ in 0..<2 {
      _ = try box.list()
      box.waitASecond()
    }
    #expect(try box.list().queue.map(\.name) == ["new", "newer"])
  }

  @Test func `has a file that was modified without events, after a minute`() throws {
    let box = try Box()
    try box.drop("net", "@priority 10\n198.18.0.1:80\n")
    #expect(try box.list().queue.map(\.priority.value) == [10])
    // Under another name, in another directory, no event tells of it.
    try FileManager.default.linkItem(at: box.url("spool/net"), to: box.url("outside"))
    let file = try #require(FileHandle(forWritingAtPath: box.url("outside").path))
    try file.write(contentsOf: Data("@priority 90\n".utf8))
    try file.close()
    for _ in 0..<63 {
      _ = try box.list()
      box.waitASecond()
    }
    #expect(try box.list().queue.map(\.priority.value) == [90])
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A queue of candidates` {
  @Test(arguments: 0..<20)
  func `is sorted, with all that was inserted and not removed`(_ seed: UInt64) {
    var random = SeededGenerator(Seed.ofThisRun &+ seed)
    var queue = CandidateQueue()
    var model: [String: Spool.Candidate] = [:]
    for _ in 0..<50 {
      for _ in 0..<Int.random(in: 0..<30, using: &random) {
        let name = "\(Int.random(in: 0..<40, using: &random))"
        if let old = model.removeValue(forKey: name) { queue.remove(old) }
        if Bool.random(using: &random) {
          let candidate = Spool.Candidate(
            name: name, priority: Priority(UInt8.random(in: 0...2, using: &random)),
            arrived: UInt64.random(in: 0...5, using: &random), size: 1)
          model[name] = candidate
          queue.insert(candidate)
        }
      }
      queue.merge()
      #expect(queue.candidates == model.values.sorted())
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct `The order of reading` {
  @Test func `gives the newest and the oldest in turn`() {
    var order = ReadingOrder()
    func name(_ number: Int) -> FileName { FileName("\(number)") }
    for number in 1...5 { order.append(name(number)) }
    #expect((0..<3).map { _ in order.next() } == [name(5), name(1), name(4)])
    order.append(name(6))
    #expect((0..<3).map { _ in order.next() } == [name(2), name(6), name(3)])
    #expect(order.next() == nil)
    order.append(name(7))
    #expect(order.next() == name(7))
  }
}
