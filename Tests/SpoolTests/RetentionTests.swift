// Which results may be removed, in which order, and what a removal that was interrupted leaves.
import Foundation
import Kernel
import Spool
import Testing

@Suite struct `Fetched results` {
  private func results(_ box: Box, _ name: String, minutes: Double, fetched: Bool = true) throws {
    let directory = box.url("results/\(name)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
    let summary = directory.appending(path: "summary.json")
    try Data("{}".utf8).write(to: summary)
    try FileManager.default.setAttributes(
      [.modificationDate: Date.now - minutes * 60], ofItemAtPath: summary.path)
    if fetched { try Data().write(to: directory.appending(path: Spool.fetchedMarker)) }
  }

  @Test func `are those with a marker and the first to end come first`() throws {
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

  @Test func `go with all that was put into them and nothing else`() throws {
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

  @Test func `stay when the marker is gone`() throws {
    let box = try Box()
    try results(box, "a", minutes: 10, fetched: false)
    try box.spool.removeFetched("a")
    #expect(try box.names("results") == ["a"])
  }

  @Test func `a removal that was interrupted is no result and is finished`() throws {
    let box = try Box()
    try results(box, "a", minutes: 10)
    try Files.rename(box.url("results/a").path, to: box.url("results/.removing-a").path)
    #expect(try box.spool.fetchedResults() == [])
    // The same name may have come again meanwhile.
    try results(box, "a", minutes: 5)
    try box.spool.removeFetched("a")
    #expect(try box.names("results") == [])
    try results(box, "b", minutes: 5)
    try Files.rename(box.url("results/b").path, to: box.url("results/.removing-b").path)
    try box.spool.finishRemovals()
    #expect(try box.names("results") == [])
  }
}
