// `benchmark spool`: measures what listings of a crowded spool cost the control thread.
import ArgumentParser
import Foundation
import Kernel
import LabSupport
import Spool

struct SpoolCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "spool", abstract: "Measure listings of a spool with many files.")

  @Option(help: "Files in the spool.")
  var files = 100_000

  @Option(help: "Listings of each kind; the median is reported.")
  var rounds = 20

  @Flag(help: "Print JSON, like `benchmark micro`.")
  var json = false

  func run() throws {
    let root = FileManager.default.temporaryDirectory.appending(path: "spool-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: root) }
    let data = try DataDirectory(root)
    for number in 0..<files {
      try Files.writeNew("\(data.spool)/file-\(number)", Array("198.18.0.1:80\n".utf8), durable: false)
    }
    let spool = try Spool(data, existingFilesAreComplete: true)
    var report = Report()
    report.add("first", try milliseconds { _ = try spool.list() }, "ms")
    var (listings, number) = (1, try spool.list().number)
    while case let next = try spool.list().number, next != number, listings < 10_000 {
      number = next
      listings += 1
    }
    report.add("until_all_read", Double(listings), "listings")
    report.add("unchanged", try median { _ = try spool.list() }, "ms")
    var times: [Double] = []
    for _ in 0..<rounds {
      try Files.writeNew(
        "\(data.spool)/.new", Array("@priority 100\n198.18.0.1:80\n".utf8), durable: false)
      try Files.rename("\(data.spool)/.new", to: "\(data.spool)/new")
      times.append(
        try milliseconds {
          while try spool.list().queue.first?.name != "new" {}
        })
      try Files.remove("\(data.spool)/new")
      _ = try spool.list()
    }
    report.add("until_a_new_file_is_first", times.sorted()[rounds / 2], "ms")
    print(json ? report.json : report.text)
  }

  private func median(_ body: () throws -> Void) rethrows -> Double {
    var times: [Double] = []
    for _ in 0..<rounds { times.append(try milliseconds(body)) }
    return times.sorted()[times.count / 2]
  }

  private func milliseconds(_ body: () throws -> Void) rethrows -> Double {
    let begin = Clock.monotonic
    try body()
    return Double(Clock.monotonic - begin) / 1e6
  }
}
