// Data directories of earlier format versions, resumed by this one.
import Foundation
import LabSupport
import Testing

/// A box on a copy of a golden data directory.
private struct GoldenBox {
  /// The jobs that a process had begun.
  static let begun = ["interrupted.txt", "suspended.txt"]
  let lab: ServeLab
  private let configuration: String

  init(_ version: String) throws {
    let golden = "\(Lab.root)/Tests/Golden/\(version)"
    lab = try ServeLab()
    try FileManager.default.removeItem(at: lab.url("data"))
    try FileManager.default.copyItem(atPath: "\(golden)/data", toPath: lab.url("data").path)
    let written = try String(contentsOfFile: "\(golden)/synbox.toml", encoding: .utf8)
    configuration = try lab.configure(written.replacing("rate = 2000", with: "rate = 20000"))
  }

  /// Replaces a file of each job that had begun.
  func change(_ file: String, _ body: (Data) throws -> Data) throws {
    for job in Self.begun {
      let url = lab.url("data/active/\(job)/\(file)")
      try body(Data(contentsOf: url)).write(to: url)
    }
  }

  /// Serves until all jobs have ended, checks their results, and returns the log.
  func finish() throws -> String {
    let box = try lab.serve(configuration)
    try lab.wait("all jobs to finish", seconds: 60) {
      (Self.begun + ["queued.txt"]).allSatisfy { lab.exists("data/results/\($0)") }
    }
    _ = try box.end(SIGTERM)
    #expect(try lab.results("interrupted.txt") == Self.even(64, blocks: 32))
    #expect(try lab.results("suspended.txt") == Self.even(0, blocks: 32))
    #expect(try lab.results("queued.txt") == Self.even(201, blocks: 1))
    #expect(try lab.results("done.txt") == Self.even(200, blocks: 1))
    #expect(lab.exists("data/rejected/bad.txt/reason.txt"))
    return box.errorText
  }

  /// Finishes, and checks that the jobs resumed from their checkpoints.
  func resume() throws {
    let log = try finish()
    for job in Self.begun {
      let summary = try lab.json("data/results/\(job)/summary.json")
      #expect(summary["resumed"] as? Int == 1)
      let started = try #require(
        log.split(separator: "\n").first {
          $0.contains("msg=\"job started\"") && $0.contains("job=\(job)")
        })
      #expect(!started.contains(" from=0 "), "scanned from the beginning: \(started)")
    }
    #expect(!log.contains("damaged") && !log.contains("do not match"), "\(log)")
  }

  /// What a target node that answers for even addresses reveals of 198.19.`third`.0 and the /24 behind it.
  private static func even(_ third: Int, blocks: Int) -> Set<String> {
    Set(
      evenAddresses(from: third, blocks: blocks, ports: [80, 443]).map {
        $0.replacing("198.18.", with: "198.19.")
      })
  }
}

@Suite(.serialized, .timeLimit(.minutes(5)))
struct `A data directory of an earlier version` {
  @Test(arguments: ["0.1.0", "0.2.0"])
  func `is resumed from its checkpoints to exact results`(_ version: String) throws {
    try GoldenBox(version).resume()
  }

  @Test func `may have fields that this version does not know`() throws {
    let box = try GoldenBox("0.2.0")
    try box.change("job.json", withUnknownField)
    try box.change("checkpoint", withUnknownField)
    // So that the job cannot resume from the other copy.
    for job in GoldenBox.begun {
      try FileManager.default.removeItem(at: box.lab.url("data/active/\(job)/checkpoint.previous"))
    }
    try box.resume()
  }

  @Test(arguments: [
    ("job.json", "its job.json is truncated or damaged"),
    ("checkpoint", "/checkpoint is truncated or damaged"),
    ("checkpoint.previous", "/checkpoint.previous is truncated or damaged"),
    ("answers", "results or journal do not match"),
    ("results.partial", "results or journal do not match"),
  ])
  func `with a changed byte is noticed, and the results are exact`(
    _ file: String, _ message: String
  ) throws {
    let box = try GoldenBox("0.2.0")
    try box.change(file) { content in
      var changed = content
      changed[20] ^= 4
      return changed
    }
    let log = try box.finish()
    #expect(log.components(separatedBy: message).count > GoldenBox.begun.count, "\(log)")
  }

  /// Adds a field to each line of JSON, and seals it again.
  private func withUnknownField(_ content: Data) throws -> Data {
    let lines = content.split(separator: UInt8(ascii: "\n"))
    var changed = Data()
    for number in stride(from: 0, to: lines.count, by: 2) {
      let line = Data("{\"a_later_field\":{\"list\":[1,null]},".utf8) + lines[number].dropFirst()
      let sum = try run(["sha256sum"], input: line).output.prefix(64)
      changed += line + Data("\n{\"sha256\":\"\(sum)\"}\n".utf8)
    }
    return changed
  }
}
