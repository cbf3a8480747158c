// SIGKILL, power cuts and full disks lose nothing.
import Foundation
import LabSupport
import LabTraits
import TestSupport
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `Interruptions` {
  /// Set `SYNBOX_KILLS=100` for the long run.
  @Test(arguments: [
    "transmit = \"generator\"\n", "transmit = \"xdp\"\nsender-threads = 3\n",
    "transmit = \"packet\"\nreceive = \"packet\"\n",
  ])
  func `a job killed at random moments ends with exact results`(_ settings: String) throws {
    var job = try EndlessJob(seed: Seed.next(), settings: settings)
    try FileManager.default.createDirectory(
      at: job.lab.url("data/spool"), withIntermediateDirectories: true)
    try job.begin()
    for _ in 0..<count("SYNBOX_KILLS", otherwise: 5) {
      let box = try job.run()
      #expect(try box.end(SIGKILL).status == 128 + SIGKILL, "\(box.errorText)")
      job.note(box)
    }
    try job.finish()
    #expect(!job.log.contains("damaged"), "\(job.log)")
    #expect(!job.log.contains("level=error"), "\(job.log)")
  }

  /// Set `SYNBOX_POWER_CUTS=20` for the long run.
  @Test func `a job interrupted by power cuts ends with exact results`() throws {
    var job = try EndlessJob(seed: Seed.next())
    let disk = try job.lab.mountDisk(megabytes: 32)
    try FileManager.default.createDirectory(
      at: job.lab.url("data/spool"), withIntermediateDirectories: true)
    try job.begin()
    try run(["sync", "-f", job.lab.url("data").path])
    for _ in 0..<count("SYNBOX_POWER_CUTS", otherwise: 3) {
      let box = try job.run()
      try disk.cut { box.signal(SIGKILL) }
      _ = try box.wait()
      job.note(box)
      try disk.replug()
    }
    try job.finish()
    #expect(!job.log.contains("level=error"), "\(job.log)")
  }

  @Test func `a full disk pauses the scan until there is space`() throws {
    let lab = try ServeLab()
    let disk = try lab.mountDisk(megabytes: 16)
    let box = try lab.serve(lab.configure("rate = 4000\ncooldown-time = 1\ndisk-high-water = 100\n"))
    try lab.drop("wide.txt", Self.half)
    try lab.waitForResults("wide.txt", bytes: 50_000)
    try disk.fill()
    try lab.wait("a pause", seconds: 20) { try lab.state() == "paused" }
    let problems = try lab.json("data/status.json")["problems"] as? [String] ?? []
    #expect(problems.contains { $0.contains("No space left on device (ENOSPC)") }, "\(problems)")
    #expect(box.errorText.contains("sending paused until the fault clears"))
    func completed() throws -> Int? {
      let job = try lab.json("data/status.json")["job"] as? [String: Any]
      return job?["probes_completed"] as? Int
    }
    // The state is shown at once; the counts follow within a second.
    try lab.waitForStatuses(2)
    let before = try #require(try completed())
    try lab.waitForStatuses(3)
    #expect(try completed() == before, "it kept sending")
    #expect(before < 65_536)
    let written = try lab.text("data/active/wide.txt/results.partial")
    #expect(written.hasSuffix("\n"), "half a line")
    for line in written.split(separator: "\n") { #expect(line.split(separator: ",").count == 2) }

    try disk.empty()
    try lab.wait("the job's end", seconds: 60) { lab.exists("data/results/wide.txt") }
    #expect(try lab.results("wide.txt") == Self.evenHalf)
    #expect(box.errorText.contains("sending resumed"))
    #expect(try lab.json("data/results/wide.txt/summary.json")["resumed"] as? Int == 0)
    #expect(try box.end(SIGTERM).status == 143)
    // No probe was sent twice.
    #expect(try lab.node.end()["syns_valid"] == 65_536)
  }

  @Test func `a read-only disk pauses the box until it is writable`() throws {
    let lab = try ServeLab()
    let disk = try lab.mountDisk(megabytes: 16)
    let configuration = try lab.configure("rate = 500\ncooldown-time = 0.5\n")
    var box = try lab.serve(configuration)
    try lab.drop("net.txt", "198.18.4.0/22:80\n")
    try lab.waitForResults("net.txt", bytes: 1000)
    #expect(try box.end(SIGTERM).status == 143)
    try disk.setReadOnly(true)
    box = try lab.serve(configuration)
    // status.json cannot be written, so the log has to tell.
    try box.wait(for: "a pause") { $0.errorText.contains("Read-only file system (EROFS)") }
    try disk.setReadOnly(false, for: box)
    try lab.wait("the job's end", seconds: 60) { lab.exists("data/results/net.txt") }
    #expect(try lab.results("net.txt") == evenAddresses(from: 4, blocks: 4, ports: [80]))
    #expect(try box.end(SIGTERM).status == 143)
  }

  /// The box has never written to it: neither its directories nor its lock exist.
  @Test func `a disk that is read-only at the first start pauses the box until it is writable`() throws
  {
    let lab = try ServeLab()
    let disk = try lab.mountDisk(megabytes: 16)
    try Lab.giveToBox(lab.url("data").path)
    try disk.setReadOnly(true)
    let box = try lab.start(lab.configure("rate = 4000\ncooldown-time = 0.5\n"))
    try box.wait(for: "a start") { $0.errorText.contains("msg=serving") }
    try box.wait(for: "a pause") { $0.errorText.contains("Read-only file system (EROFS)") }
    #expect(!lab.exists("data/spool") && !lab.exists("data/lock"))
    try disk.setReadOnly(false, for: box)
    try disk.setReadOnly(false)
    try lab.wait("the spool", seconds: 30) {
      lab.exists("data/spool") && lab.exists("data/status.json")
    }
    try lab.drop("net.txt", "198.18.4.0/22:80\n")
    // A second box must not start, though the first has no file to lock.
    let second = try lab.serveToItsEnd(lab.url("synbox.toml").path)
    #expect(second.status == 1 && second.errors.contains("another process"), "\(second.errors)")
    try lab.wait("the job's end", seconds: 60) { lab.exists("data/results/net.txt") }
    #expect(try lab.results("net.txt") == evenAddresses(from: 4, blocks: 4, ports: [80]))
    #expect(try box.end(SIGTERM).status == 143)
  }

  /// Only root can give the box a directory that is root's.
  @Test
  func `a read-only disk of root's ends the box once it is writable, and the next start takes it`()
    throws
  {
    let lab = try ServeLab()
    let disk = try lab.mountDisk(megabytes: 16)
    try disk.setReadOnly(true)
    let configuration = try lab.configure("rate = 4000\ncooldown-time = 0.5\n")
    let box = try lab.start(configuration)
    try box.wait(for: "a pause") { $0.errorText.contains("Read-only file system (EROFS)") }
    #expect(box.isRunning)
    try disk.setReadOnly(false, for: box)
    try disk.setReadOnly(false)
    let outcome = try box.wait(seconds: 30)
    #expect(outcome.status == 1 && outcome.errors.contains("Permission denied"), "\(outcome.errors)")
    let next = try lab.serve(configuration)
    #expect(try lab.state() == "idle")
    #expect(try next.end(SIGTERM).status == 143)
  }

  @Test func `a link failure and a changed gateway pause the scan`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure("rate = 4000\ncooldown-time = 1\ndisk-high-water = 100\n"))
    func problems() throws -> [String] {
      try lab.json("data/status.json")["problems"] as? [String] ?? []
    }
    // An idle box shows it, too.
    try lab.link("down")
    try lab.wait("the problem", seconds: 20) { try problems() == ["box0 is down"] }
    #expect(try lab.text("data/metrics.prom").contains("\nsynbox_nic_carrier 0\n"))
    try lab.link("up")
    try lab.defaultRoute("add")
    try lab.wait("no problem", seconds: 20) { try problems() == [] }
    try lab.drop("wide.txt", Self.half)
    try lab.waitForResults("wide.txt", bytes: 50_000)
    try lab.setGatewayLink("down")
    try lab.wait("a pause", seconds: 20) { try lab.state() == "paused" }
    // The link itself, and why the job is paused: no carrier, or the driver refuses frames.
    let shown = try problems()
    #expect((1...2).contains(shown.count), "\(shown)")
    try lab.setGatewayLink("up")
    try lab.wait("scanning", seconds: 20) { try lab.state() == "scanning" }
    try lab.setGatewayLink("address", "02:00:00:00:00:77")
    try lab.wait("the job's end", seconds: 90) { lab.exists("data/results/wide.txt") }
    #expect(try lab.results("wide.txt") == Self.evenHalf)
    #expect(box.errorText.contains("to 02:00:00:00:00:77"), "\(box.errorText)")
    #expect(try problems().contains { $0.contains(", 02:00:00:00:00:77, which is used, and ") })
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test(arguments: ["the gateway does not reply", "there is no route to"])
  func `a missing route or gateway pauses the box until it appears`(_ problem: String) throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure("rate = 4000\ncooldown-time = 0.5\n"))
    let isRoute = problem.contains("route")
    if isRoute { try lab.defaultRoute("del") } else { try lab.setGatewayLink("arp", "off") }
    try lab.drop("net.txt", "198.18.4.0/22:80\n")
    try lab.wait("a pause", seconds: 20) { try lab.state() == "paused" }
    let problems = try lab.json("data/status.json")["problems"] as? [String] ?? []
    #expect(problems.contains { $0.contains(problem) }, "\(problems)")
    if isRoute { try lab.defaultRoute("add") } else { try lab.setGatewayLink("arp", "on") }
    try lab.wait("the job's end", seconds: 30) { lab.exists("data/results/net.txt") }
    #expect(try lab.results("net.txt") == evenAddresses(from: 4, blocks: 4, ports: [80]))
    #expect(try lab.json("data/results/net.txt/summary.json")["resumed"] as? Int == 0)
    #expect(try box.end(SIGTERM).status == 143)
  }

  /// 32,768 addresses on two ports.
  private static let half = "@ports 80,443\n198.19.0.0/17\n"
  private static let evenHalf = Set(
    stride(from: 0, to: 32_768, by: 2).flatMap { number in
      [80, 443].map { "198.19.\(number >> 8).\(number & 255),\($0)" }
    })

  @Test func `a job that ends the box five times is rejected and the next one runs`() throws {
    let lab = try ServeLab()
    // The box ends before any probe is a cooldown old, so the job makes no progress.
    let configuration = try lab.configure("rate = 1000\ncooldown-time = 5\n")
    var box = try lab.serve(configuration)
    try lab.drop("bad.txt", "198.19.0.0/20:80\n")
    for round in 1...5 {
      try box.wait(for: "the start") { $0.errorText.contains("job started") }
      if round == 1 { try lab.drop("good.txt", "@cooldown 0.5\n198.18.4.0/24:80\n") }
      _ = try box.end(SIGKILL)
      box = try lab.serve(configuration)
    }
    try lab.wait("the end of both", seconds: 30) {
      lab.exists("data/rejected/bad.txt") && lab.exists("data/results/good.txt")
    }
    #expect(
      try lab.text("data/rejected/bad.txt/reason.txt").hasPrefix("bad.txt: found 5 crashes in a row"))
    #expect(try lab.results("good.txt") == evenAddresses(from: 4, blocks: 1, ports: [80]))
    #expect(try lab.json("data/status.json")["jobs_rejected"] as? Int == 1)
    #expect(try box.end(SIGTERM).status == 143)
  }
}
