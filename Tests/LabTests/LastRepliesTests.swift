import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .alone, .timeLimit(.minutes(10)))
struct `A scan whose sending thread gets almost no processor time` {
  private static let busyMinute = """
    import time
    end = time.monotonic() + 60
    while time.monotonic() < end:
        pass
    """

  @Test(arguments: ["xdp-copy", "generator"])
  func `sends an RST for each reply that it reports`(transmit: String) throws {
    let lab = try Lab()
    // More than the queue of RSTs holds, at once.
    let target = try ScriptedTarget(lab, ["198.19.0.1": "2S"], collected: 4000)
    // The sending thread runs on the second processor; the receiving thread on the first.
    let busy = try Running(["taskset", "-c", "1", "python3", "-c", Self.busyMinute])
    let metadata = "\(try Lab.temporaryDirectory())/summary.json"
    let scan = try run(
      lab.inside(
        lab.box,
        [
          "nice", "-n", "19", Lab.synbox, "scan", "-i", "box0", "-q", "--transmit", transmit, "--rst",
          "transmitter", "-p", "1-4000", "-c", "3", "-m", metadata, "198.19.0.1",
        ]))
    busy.signal(SIGKILL)
    #expect(scan.status == 0, "\(scan.errors)")
    let summary = try JSON.numbers(file: metadata)
    #expect(try #require(summary["replies_reported"]) > 4096)
    #expect(summary["rst_sent"] == summary["replies_reported"])
    #expect(summary["replies_reported"] == summary["replies_valid"])
    _ = target
  }
}
