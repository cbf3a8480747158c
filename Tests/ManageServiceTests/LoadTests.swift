// Large files and crowds: `make manage-load`, which prints the figures of docs/design/manage.md.
import Foundation
import LabSupport
import LabTraits
import Testing

private let isWanted = ProcessInfo.processInfo.environment["SYNBOX_MANAGE_LOAD"] != nil

@Suite(.serialized, .alone, .enabled(if: isWanted, "make manage-load"), .timeLimit(.minutes(30)))
struct `The management service under load` {
  private func report(_ what: String, _ lab: ManageLab, since start: Date) throws {
    let seconds = Date.now.timeIntervalSince(start)
    print("\(what): \(String(format: "%.1f", seconds)) s, at most \(try lab.peak() >> 20) MiB resident")
  }

  private func sha256(_ path: String) throws -> String {
    let outcome = try mustRun(["openssl", "dgst", "-sha256", "-binary", path], seconds: 120)
    return outcome.outputBytes.base64EncodedString()
  }

  /// Writes a target file of about a gigabyte. Returns its path.
  private func gigabyte(_ lab: ManageLab) throws -> String {
    let path = lab.url("large").path
    try mustRun(
      ["sh", "-c", "yes 198.18.0.0/24:80 | head -c 999999993 >\"$1\"", "sh", path], seconds: 120)
    return path
  }

  @Test func `takes a gigabyte, and gives it in parts`() throws {
    let lab = try ManageLab()
    let file = try gigabyte(lab)
    let digest = try sha256(file)
    let authorization = ["-H", "Authorization: Bearer \(lab.tokens["admin"] ?? "")"]
    let base = "https://127.0.0.1:\(lab.port)/v1"
    var start = Date.now
    let put = try run(
      ["curl", "-sSk", "-o", "/dev/null", "-w", "%{http_code}", "-T", file]
        + ["-H", "Repr-Digest: sha-256=:\(digest):"] + authorization + ["\(base)/spool/large"],
      seconds: 300)
    #expect(put.output == "201", "\(put.errors)")
    #expect(try run(["cmp", file, lab.url("data/spool/large").path], seconds: 60).status == 0)
    try report("PUT of 1 GB", lab, since: start)

    try lab.finish("job", results: Data())
    try mustRun(["cp", file, lab.url("data/results/job/results.csv").path])
    let (part, head) = (lab.url("part").path, lab.url("head").path)
    let url = "\(base)/results/job/results.csv"
    start = .now
    let curl = ["curl", "-sSk", "-o", part, "-D", head] + authorization
    #expect(try run(curl + ["-r", "0-399999999", url], seconds: 300).status == 0)
    let size = try FileManager.default.attributesOfItem(atPath: part)[.size] as? Int
    #expect(size == 400_000_000)
    #expect(try run(curl + ["-C", "-", url], seconds: 300).status == 0)
    let answer = try String(contentsOfFile: head, encoding: .isoLatin1)
    #expect(answer.hasPrefix("HTTP/1.1 206"))
    #expect(answer.lowercased().contains("repr-digest: sha-256=:\(digest):".lowercased()))
    #expect(try sha256(part) == digest)
    try report("GET of 1 GB in two parts", lab, since: start)
    try resume(lab, digest)
  }

  /// With synboxctl, which is killed in the middle.
  private func resume(_ lab: ManageLab, _ digest: String) throws {
    let start = Date.now
    let token = lab.url("token").path
    try Data((lab.tokens["admin"] ?? "").utf8).write(to: URL(fileURLWithPath: token))
    let command = [
      "\(Lab.root)/build/synboxctl", "get", "job", lab.url("fetched").path, "--token-file", token,
      "--box", "https://127.0.0.1:\(lab.port)",
      "--fingerprint", try lab.fingerprint(),
    ]
    let partial = lab.url("fetched/job/.results.csv.part").path
    let first = try Running(command)
    try first.wait(for: "a tenth of the file", seconds: 60) { _ in
      let size = try? FileManager.default.attributesOfItem(atPath: partial)[.size] as? Int
      return size ?? 0 > 100_000_000
    }
    first.signal(SIGKILL)
    _ = try first.wait()
    let kept = try FileManager.default.attributesOfItem(atPath: partial)[.size] as? Int
    let second = try run(command, seconds: 300)
    #expect(second.status == 0, "\(second.errors)")
    #expect(try sha256(lab.url("fetched/job/results.csv").path) == digest)
    try report("synboxctl get of 1 GB, resumed at \((kept ?? 0) / 1_000_000) MB", lab, since: start)
  }

  /// The rate and the results of a scan.
  private func scan(_ lab: Lab, _ summary: String, rate: String = "20k", ports: String = "80") throws
    -> (rate: Double, results: Int)
  {
    let scan = try lab.scan(
      ["-p", ports, "-r", rate, "-c", "2", "198.19.0.0/16", "-o", "/dev/null", "-m", summary])
    guard scan.status == 0 else { throw LabError(scan.errors) }
    let numbers = try JSON.object(try String(contentsOfFile: summary, encoding: .utf8))
    let rate = try #require(numbers["rate_achieved_pps"] as? Double)
    let results = try #require(numbers["results_written"] as? UInt64)
    return (rate, Int(results))
  }

  @Test func `costs a scan neither its rate nor a reply`() throws {
    let lab = try Lab()
    let node = try lab.respond(["--answer", "even"])
    let service = try ManageLab()
    let summary = service.url("summary").path
    let alone = try scan(lab, summary)
    let client = "\(Lab.root)/Tests/HostileClient/client.py"
    let crowd = try (0..<2).map { _ in
      try Running(
        ["python3", client, "\(service.port)", service.tokens["admin"] ?? "", "hammer", "100000000"])
    }
    let beside = try scan(lab, summary)
    for client in crowd { #expect(client.isRunning, "\(client.errorText)") }
    print("a scan alone: \(alone); beside a crowd: \(beside)")
    #expect(alone.results == 32_768 && beside.results == 32_768)
    #expect(beside.rate > 0.98 * alone.rate)
    _ = try node.end()
  }

  /// The clients are of other machines, so they have what the scan leaves.
  @Test func `costs a scan without limit no reply`() throws {
    let lab = try Lab()
    let node = try lab.respond(["--answer", "20%"])
    let service = try ManageLab()
    let summary = service.url("summary").path
    func scan() throws -> (rate: Double, results: Int) {
      try self.scan(lab, summary, rate: "0", ports: "1-300")
    }
    let client = "\(Lab.root)/Tests/HostileClient/client.py"
    for _ in 0..<3 {
      let alone = try scan()
      let crowd = try (0..<2).map { _ in
        try Running(
          ["nice", "-n", "19", "python3", client, "\(service.port)", service.tokens["admin"] ?? ""]
            + ["hammer", "100000000"])
      }
      let beside = try scan()
      for client in crowd {
        #expect(client.isRunning, "\(client.errorText)")
        client.signal(SIGKILL)
        _ = try client.wait()
      }
      print("a scan without limit alone: \(alone); beside a crowd: \(beside)")
      #expect(alone.results == beside.results)
    }
    _ = try node.end()
  }

  /// wrk has the other processor; the figures are of one thread of the service.
  @Test(arguments: ["/healthz", "/v1/status", "/v1/jobs"])
  func `answers many requests a second`(_ path: String) throws {
    let lab = try ManageLab("connections-per-address = 1200")
    try lab.finish("job", results: Data())
    try Data(#"{"state": "idle"}"#.utf8).write(to: lab.url("data/status.json"))
    let start = Date.now
    let outcome = try mustRun(
      ["wrk", "-t", "1", "-c", "100", "-d", "10s", "--latency"]
        + ["-H", "Authorization: Bearer \(lab.tokens["admin"] ?? "")"]
        + ["https://127.0.0.1:\(lab.port)\(path)"], seconds: 60)
    #expect(outcome.output.contains("Requests/sec:"), "\(outcome.output)")
    for fault in ["Non-2xx", "Socket errors"] {
      #expect(!outcome.output.contains(fault), "\(outcome.output)")
    }
    let figures = outcome.lines.filter { $0.contains("Requests/sec") || $0.contains("99%") }
    try report("wrk \(path): \(figures.joined(separator: ", "))", lab, since: start)
  }

  @Test func `refuses ten gigabytes on a full disk, and leaves nothing`() throws {
    let lab = try ManageLab("upload-limit = \"16G\"")
    lab.service.signal(SIGTERM)
    _ = try lab.service.wait()
    let data = lab.url("data").path
    try mustRun(["mount", "-t", "tmpfs", "-o", "size=64M", "tmpfs", data])
    defer { _ = try? run(["umount", "-l", data]) }
    try lab.restart()
    let start = Date.now
    let command = [
      "curl", "-sSk", "-o", "/dev/null", "-w", "%{http_code}", "-H",
      "Authorization: Bearer \(lab.tokens["admin"] ?? "")", "-T",
    ]
    let url = "https://127.0.0.1:\(lab.port)/v1/spool/huge"
    let sparse = lab.url("huge").path
    try mustRun(["truncate", "-s", "10G", sparse])
    let known = try run(command + [sparse, url], seconds: 120)
    #expect(known.output == "507", "\(known.errors)")
    let unknown = try run(
      ["sh", "-c", "yes 198.18.0.0/24:80 | head -c 10G | \"$@\"", "sh"] + command + ["-", url],
      seconds: 120)
    #expect(unknown.output == "507", "\(unknown.errors)")
    for directory in ["staging/manage", "spool", "manage/owners"] {
      #expect(try lab.entries("data/\(directory)").isEmpty, "\(directory)")
    }
    #expect(try lab.send("GET", "/v1/jobs").status == 200)
    try report("10 GB onto a full disk, twice", lab, since: start)
  }

  @Test(arguments: [
    ["idle", "1000"], ["unread-many", "/v1/results/job/results.csv", "1000"],
    ["unread-pages", "500", "20"],
    ["uploads", "1000"], ["flood", "20"], ["half-open"], ["hammer", "200000"],
  ])
  func `keeps its memory with a crowd of clients`(_ command: [String]) throws {
    let lab = try ManageLab("connections-per-address = 1200")
    try lab.finish("job", results: Data(repeating: UInt8(ascii: "1"), count: 64 << 20))
    let start = Date.now
    let result = try lab.hostile(command)
    #expect(result["served"] as? Bool ?? true)
    #expect(try lab.peak() < 200 << 20)
    try report("\(command.joined(separator: " ")) \(result)", lab, since: start)
  }
}
