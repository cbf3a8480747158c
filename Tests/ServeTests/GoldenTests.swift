// Data directories of earlier format versions, resumed by this one.
import Foundation
import LabSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(2)))
struct `A data directory of an earlier version` {
  private static let golden = "\(Lab.root)/Tests/Golden"

  @Test(arguments: ["0.1.0"])
  func `is resumed from its checkpoints to exact results`(_ version: String) throws {
    let lab = try ServeLab()
    try FileManager.default.removeItem(at: lab.url("data"))
    try FileManager.default.copyItem(
      atPath: "\(Self.golden)/\(version)/data", toPath: lab.url("data").path)
    let written = try String(contentsOfFile: "\(Self.golden)/\(version)/synbox.toml", encoding: .utf8)
    let box = try lab.serve(lab.configure(written.replacing("rate = 2000", with: "rate = 20000")))
    try lab.wait("all jobs to finish", seconds: 60) {
      ["interrupted.txt", "suspended.txt", "queued.txt"].allSatisfy {
        lab.exists("data/results/\($0)")
      }
    }
    _ = try box.end(SIGTERM)

    #expect(try lab.results("interrupted.txt") == Self.even(64, blocks: 32))
    #expect(try lab.results("suspended.txt") == Self.even(0, blocks: 32))
    #expect(try lab.results("queued.txt") == Self.even(201, blocks: 1))
    #expect(try lab.results("done.txt") == Self.even(200, blocks: 1))
    for job in ["interrupted.txt", "suspended.txt"] {
      let summary = try lab.json("data/results/\(job)/summary.json")
      #expect(summary["resumed"] as? Int == 1)
      let started = try #require(
        box.errorText.split(separator: "\n").first {
          $0.contains("msg=\"job started\"") && $0.contains("job=\(job)")
        })
      #expect(!started.contains(" from=0 "), "scanned from the beginning: \(started)")
    }
    #expect(!box.errorText.contains("damaged"), "\(box.errorText)")
    #expect(lab.exists("data/rejected/bad.txt/reason.txt"))
  }

  /// What a target node that answers for even addresses reveals of 198.19.`third`.0 and the /24 behind it.
  private static func even(_ third: Int, blocks: Int) -> Set<String> {
    Set(
      evenAddresses(from: third, blocks: blocks, ports: [80, 443]).map {
        $0.replacing("198.18.", with: "198.19.")
      })
  }
}
