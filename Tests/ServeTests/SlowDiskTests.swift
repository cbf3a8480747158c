// A disk that stands still for seconds stops the sending, and no reply is lost.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .alone, .timeLimit(.minutes(5))) struct `A slow disk` {
  /// 100,000 replies a second, and writes that wait for five seconds.
  @Test func `costs no reply`() throws {
    let lab = try ServeLab()
    let disk = try lab.mountDisk(megabytes: 200)
    let box = try lab.serve(lab.configure("rate = \"200k\"\ncooldown-time = 5\n"))
    try lab.drop("wide.txt", "198.18.0.0/15:1-10\n")
    try lab.waitForResults("wide.txt", bytes: 1_000_000)
    try disk.freeze()
    Thread.sleep(forTimeInterval: 5)
    try disk.thaw()
    try lab.wait("the problem", seconds: 20) {
      let problems = try lab.json("data/status.json")["problems"] as? [String] ?? []
      return problems.contains { $0.hasPrefix("the disk is slow: a write ") }
    }
    try lab.wait("the results", seconds: 120) { lab.exists("data/results/wide.txt") }
    let summary = try lab.json("data/results/wide.txt/summary.json")
    #expect(summary["events_lost"] as? Int == 0)
    // Half of 131,072 addresses on ten ports; of the 256 on-link ones, only the gateway answers ARP.
    #expect(summary["results_written"] as? Int == ((131_072 - 256) / 2 + 1) * 10)
    #expect(try lab.results("wide.txt").count == summary["results_written"] as? Int)
    #expect(try box.end(SIGTERM).status == 143)
  }
}
