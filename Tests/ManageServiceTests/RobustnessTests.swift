// Clients that behave badly, and ends in the middle.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.lab, .timeLimit(.minutes(5))) struct `The management service and hostile clients` {
  @Test func `refuses heads that are malformed or too large`() throws {
    let lab = try ManageLab()
    let answers = try lab.hostile("heads")
    for (name, status) in answers {
      let expected: UInt64 = ["field", "fields", "many"].contains(name) ? 431 : 400
      #expect(status as? UInt64 == expected, "\(name)")
    }
    #expect(answers.count == 10)
  }

  @Test func `survives random heads`() throws {
    let lab = try ManageLab()
    let result = try lab.hostile("fuzz", "\(UInt32.random(in: 0 ... .max))")
    #expect(result["served"] as? Bool == true)
    let seen = try #require(result["seen"] as? [String: Any])
    #expect(!seen.keys.contains { $0.hasPrefix("5") }, "\(seen)")
    #expect(lab.service.isRunning)
  }

  @Test func `leaves nothing of uploads that were cut off`() throws {
    let lab = try ManageLab()
    #expect(try lab.hostile("cut")["served"] as? Bool == true)
    let deadline = Date.now + 20
    while try !lab.entries("data/staging/manage").isEmpty, Date.now < deadline { usleep(50_000) }
    #expect(try lab.entries("data/staging/manage").isEmpty)
    #expect(try lab.entries("data/spool").isEmpty)
    #expect(try lab.entries("data/manage/owners").isEmpty)
  }

  @Test func `ends connections of clients that do nothing`() throws {
    let lab = try ManageLab()
    let ended = try lab.hostile("half-open")
    #expect(Set(ended.keys) == ["raw", "head", "body"], "\(ended)")
  }

  @Test func `serves beside a thousand idle connections, in bounded memory`() throws {
    let lab = try ManageLab("connections-per-address = 1200")
    let result = try lab.hostile("idle", "1000")
    #expect(result["open"] as? UInt64 == 1000)
    #expect(result["served"] as? Bool == true)
    #expect(try lab.peak() < 100 << 20)
  }

  @Test func `gives one address no more connections than its share`() throws {
    let lab = try ManageLab()
    let result = try lab.hostile("crowd", "300")
    #expect(result["kept"] as? UInt64 == 256)
    #expect(result["other"] as? Bool == true)
  }

  @Test func `keeps its memory when a client does not read, and when many send`() throws {
    let lab = try ManageLab()
    try lab.finish("job", results: Data(repeating: UInt8(ascii: "1"), count: 64 << 20))
    _ = try lab.hostile("unread", "/v1/results/job/results.csv", "3")
    let targets = Data(String(repeating: "198.18.0.0/24:80\n", count: 1_000_000).utf8)
    for number in 0..<4 {
      let answer = try lab.send("PUT", "/v1/spool/\(number)", body: targets)
      #expect(answer.status == 201, "\(answer.text)")
    }
    #expect(try lab.peak() < 100 << 20)
  }

  @Test func `holds one answer for a client that reads none, and gives all of them later`() throws {
    let lab = try ManageLab()
    let result = try lab.hostile("unread-pages", "50", "40")
    #expect(result["pages"] as? UInt64 == 2000)
    #expect(result["served"] as? Bool == true)
    // All pages would be 148 MB.
    #expect(try lab.peak() < 100 << 20)
  }

  @Test func `ends connections that send requests without end`() throws {
    let lab = try ManageLab()
    let result = try lab.hostile("flood", "5")
    #expect(result["served"] as? Bool == true)
    #expect(try lab.peak() < 100 << 20)
  }

  /// SYNBOX_MANAGE_KILLS=100 for more.
  @Test func `has every file in the spool whole after it is killed at any moment`() throws {
    let kills = ProcessInfo.processInfo.environment["SYNBOX_MANAGE_KILLS"].flatMap { Int($0) } ?? 8
    let lab = try ManageLab()
    let targets = Data(String(repeating: "198.18.0.0/24:80\n", count: 200_000).utf8)
    try lab.finish("job", results: targets)
    let file = lab.url("targets").path
    try targets.write(to: URL(fileURLWithPath: file))
    for round in 0..<kills {
      let base = "https://127.0.0.1:\(lab.port)"
      let authorization = ["-H", "Authorization: Bearer \(lab.tokens["submit"] ?? "")"]
      let transfers = try (0..<3).map { number in
        try Running(
          ["curl", "-sk", "-T", file] + authorization + ["\(base)/v1/spool/\(round)-\(number)"])
      }
      let download = try Running(
        ["curl", "-sk", "-o", "/dev/null"] + authorization + ["\(base)/v1/results/job/results.csv"])
      usleep(UInt32.random(in: 0..<400_000))
      try lab.restart()
      for transfer in transfers + [download] { _ = try transfer.wait(seconds: 30) }
      #expect(try lab.entries("data/staging/manage").isEmpty)
    }
    let names = try lab.entries("data/spool")
    for name in names {
      #expect(try Data(contentsOf: lab.url("data/spool/\(name)")) == targets, "\(name)")
    }
    // What was cut off can be submitted again.
    let missing = (0..<kills).flatMap { round in (0..<3).map { "\(round)-\($0)" } }.filter {
      !names.contains($0)
    }
    if let name = missing.first {
      try lab.service.wait(for: "an old record", seconds: 15) { _ in
        (try? lab.send("PUT", "/v1/spool/\(name)", body: targets).status) == 201
      }
    }
  }

  @Test func `leaves the processors and the memory to the scanner`() throws {
    let lab = try ManageLab()
    let process = "/proc/\(lab.service.pid)"
    for thread in try FileManager.default.contentsOfDirectory(atPath: "\(process)/task") {
      // proc_pid_stat(5): the 19th field; the second one ends with the last parenthesis.
      let stat = try String(contentsOfFile: "\(process)/task/\(thread)/stat", encoding: .utf8)
      let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
      #expect(fields.dropFirst(17).first == "15", "\(stat)")
    }
    let score = try String(contentsOfFile: "\(process)/oom_score_adj", encoding: .utf8)
    #expect(score == "1000\n")
    let limits = try String(contentsOfFile: "\(process)/limits", encoding: .utf8)
    #expect(limits.contains(/Max data size +536870912 +536870912/))
  }

  @Test func `refuses what would use the space reserved for the box`() throws {
    let lab = try ManageLab()
    try lab.restart(after: SIGTERM)
    let data = lab.url("data").path
    lab.service.signal(SIGTERM)
    _ = try lab.service.wait()
    try mustRun(["mount", "-t", "tmpfs", "-o", "size=20M", "tmpfs", data])
    defer { _ = try? run(["umount", "-l", data]) }
    try lab.restart()
    let targets = Data(String(repeating: "198.18.0.0/24:80\n", count: 600_000).utf8)
    let first = try lab.send("PUT", "/v1/spool/first", body: targets)
    // 10 MB fit into 20, but the service looks ahead by 16 MiB at most.
    #expect([201, 507].contains(first.status))
    let chunked = try lab.send(
      "PUT", "/v1/spool/second", body: Data(repeating: UInt8(ascii: "\n"), count: 30 << 20),
      ["-H", "Transfer-Encoding: chunked"])
    #expect(chunked.status == 507, "\(chunked.text)")
    #expect(try lab.entries("data/staging/manage").isEmpty)
    let free = try mustRun(["df", "--output=avail", "-B1", data]).lines.last.flatMap {
      Int($0.trimmingCharacters(in: .whitespaces))
    }
    #expect(try #require(free) > 1 << 20)
  }
}
