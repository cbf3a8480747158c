// Which results are removed, in which order, and what happens after an interrupted removal.
import Foundation
import Kernel
import Spool
import Testing

@Suite(.timeLimit(.minutes(5))) struct `Fetched results` {
  private func results(_ box: Box, _ name: String, minutes: Double, fetched: Bool = true) throws {
    let directory = box.url("results/\(name)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
    let summary = directory.appending(path: "summary.json")
    try Data("{}".utf8).write(to: summary)
    try FileManager.default.setAttributes(
      [.modificationDate: Date.now - minutes * 60], ofItemAtPath: summary.path)
    if fetched { try Data().write(to: directory.appending(path: Spool.fetchedMarker)) }
  }

  @Test func `are those with a marker, in the order in which the jobs ended`() throws {
    let box = try Box()
    try results(box, "a", minutes: 10)
    try results(box, "b", minutes: 30)
    try results(box, "c", minutes: 90, fetched: false)
    try FileManager.default.createDirectory(
      at: box.url("results/c/fetched"), withIntermediateDirectories: false)
    try Data().write(to: box.url("results/fetched"))
    try FileManager.default.createSymbolicLink(
      at: box.url("results/link"), withDestinationURL: box.url("results/a"))
    #expect(try box.spool.fetchedResults() == ["b", "a"])
  }

  @Test func `are removed with everything in them and nothing else`() throws {
    let box = try Box()
    try results(box, "a", minutes: 10)
    try FileManager.default.createDirectory(
      at: box.url("results/a/notes/more"), withIntermediateDirectories: true)
    try Data().write(to: box.url("results/a/notes/more/text"))
    try Data("stays".utf8).write(to: box.url("outside"))
    try FileManager.default.createSymbolicLink(
      at: box.url("results/a/link"), withDestinationURL: box.url("spool"))
    try FileManager.default.createSymbolicLink(
      at: box.url("results/a/notes/file"), withDestinationURL: box.url("outside"))
    try box.drop("net.txt")
    try box.spool.removeFetched("a")
    #expect(try box.names("results") == [])
    #expect(try box.text("outside") == "stays")
    #expect(try box.names("spool") == ["net.txt"])
  }

  @Test func `are kept if the marker is gone`() throws {
    let box = try Box()
    try results(box, "a", minutes: 10, fetched: false)
    try box.spool.removeFetched("a")
    #expect(try box.names("results") == ["a"])
  }

  @Test func `do not include an interrupted removal, which is finished`() throws {
    let box = try Box()
    try results(box, "a", minutes: 10)
    try Files.rename(box.url("results/a").path, to: box.url("results/.removing-a").path)
    #expect(try box.spool.fetchedResults() == [])
    // A later job may have the same name.
    try results(box, "a", minutes: 5)
    try box.spool.removeFetched("a")
    #expect(try box.names("results") == [])
    try results(box, "b", minutes: 5)
    try Files.rename(box.url("results/b").path, to: box.url("results/.removing-b").path)
    try box.spool.finishRemovals()
    #expect(try box.names("results") == [])
  }
}
