// The service on the scan NIC itself, beside a scan without limit.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(5))) struct `A service on the scan NIC` {
  /// Asks for the status during a scan. Returns the answers of the client and the summary of the job.
  private func ask(_ rate: String) throws -> (times: [String: Any], summary: [String: Any]) {
    let lab = try Lab()
    let node = try lab.respond(["--answer", "20%"])
    let service = try ManageLab(
      "in-band = true", under: lab.inside(lab.box, []), listen: "198.18.0.1")
    try Data(
      """
      data = "data"
      interface = "box0"
      source-use = "shared"
      cooldown-time = 2
      max-runtime = 8
      max-target-rate = 0
      \(rate)
      [scope]
      allow = ["198.18.0.0/15"]

      """.utf8
    ).write(to: service.url("synbox.toml"))
    let box = try Running(
      lab.inside(lab.box, [Lab.synbox, "serve", "--config", service.url("synbox.toml").path]))
    try box.wait(for: "status.json") { _ in service.exists("data/status.json") }
    try Data("198.19.0.0/16:1-4000\n".utf8).write(to: service.url("data/spool/net.txt"))
    let client = try run(
      lab.inside(
        lab.net,
        [
          "python3", "\(Lab.root)/Tests/HostileClient/latency.py", "198.18.0.1", "\(service.port)",
          service.tokens["read"] ?? "", "7",
        ]), seconds: 60)
    guard client.status == 0 else { throw LabError("the client: \(client.errors)") }
    try box.wait(for: "the end of the job", seconds: 60) { _ in
      service.exists("data/results/net.txt/summary.json")
    }
    let summary = try JSON.object(
      String(contentsOf: service.url("data/results/net.txt/summary.json"), encoding: .utf8))
    box.signal(SIGTERM)
    _ = try box.wait()
    _ = try node.end()
    return (try JSON.object(client.output), summary)
  }

  @Test(arguments: ["rate = 0", "bandwidth = \"5%\""])
  func `answers beside a scan that takes all it may`(_ rate: String) throws {
    let (times, summary) = try ask(rate)
    print("\(rate): \(times), \(summary["rate_achieved_pps"] ?? 0) pps")
    #expect(times["failed"] as? [String] == [])
    #expect(times["scanning"] as? Int ?? 0 > 10)
    // Seconds, of 99 %. It takes about 0.2.
    #expect(times["most"] as? Double ?? 60 < 1)
    #expect(summary["events_lost"] as? Int == 0)
    // A veth pair says that it carries 10 Gbit/s.
    #expect(summary["rate_requested_pps"] as? Int == (rate == "rate = 0" ? 0 : 744_047))
  }
}
