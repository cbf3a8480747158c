// What a target file may ask for: no more than the configuration allows.
import Engine
import Plan
import Testing
import Wire

@testable import synbox

@Suite(.timeLimit(.minutes(5))) struct `A target file's directives` {
  /// The reason for which a job is rejected; nil if it is not.
  private func rejection(_ text: String, _ lines: String) throws -> String? {
    let (plan, directives) = try planned(text)
    let configuration = try configuration(lines)
    do throws(JobRejection) {
      try configuration.validate(plan, directives, file: "net.txt")
      return nil
    } catch {
      return error.reason
    }
  }

  @Test(arguments: [
    (
      "@cooldown 301\n", "",
      "found @cooldown 301.0 seconds, expected at most max-cooldown, 300.0 seconds"
    ),
    ("@cooldown 8760h\n", "", "expected at most max-cooldown, 300.0 seconds"),
    (
      "@cooldown 9.5\n", "max-cooldown = 9\n",
      "found @cooldown 9.5 seconds, expected at most max-cooldown, 9.0 seconds"
    ),
    ("@probes 17\n", "", "found @probes 17, expected at most max-probes, 16"),
    ("@probes 255\n", "", "found @probes 255, expected at most max-probes, 16"),
    ("@probes 3\n", "max-probes = 2\n", "found @probes 3, expected at most max-probes, 2"),
  ])
  func `beyond the configuration's bounds reject it`(
    _ directive: String, _ lines: String, _ reason: String
  ) throws {
    let found = try #require(try rejection(directive + "198.18.4.1:80\n", lines))
    #expect(found.hasPrefix("net.txt: ") && found.contains(reason), "\(found)")
  }

  @Test(arguments: [
    ("@cooldown 300\n@probes 16\n", ""), ("@cooldown 8\n", "max-cooldown = 8\n"),
    ("@cooldown 1h\n", "max-cooldown = \"1h\"\n"), ("@probes 255\n", "max-probes = 255\n"),
  ])
  func `at the bounds are obeyed`(_ directives: String, _ lines: String) throws {
    #expect(try rejection(directives + "198.18.4.1:80\n", lines) == nil)
  }

  @Test func `reject it if they name one shard of an order that nobody else knows`() throws {
    let reason = try rejection("@shard 0/2\n198.18.4.1:80\n", "")
    #expect(reason?.contains("without @seed") == true, "\(reason ?? "none")")
    #expect(try rejection("@shard 0/2\n@seed 7\n198.18.4.1:80\n", "") == nil)
  }

  @Test func `reject it if no target is in the scope`() throws {
    let reason = try rejection("192.0.2.1:80\n", "")
    #expect(reason?.contains("found no target that may be probed: 1 are outside") == true)
  }

  /// Targets and directives, the configuration, the rate in force, and what was asked for if that was more.
  private static let rates: [(String, String, rate: UInt64, cappedFrom: UInt64?)] = [
    ("198.18.4.0/22:80\n", "", 10_000, nil),
    ("@rate 2k\n198.18.4.0/22:80\n", "", 2000, nil),
    ("@rate 1M\n198.18.4.0/22:80\n", "rate = \"50k\"\n", 50_000, 1_000_000),
    ("@rate 0\n198.18.0.0/16:80\n", "rate = \"50k\"\n", 50_000, 0),
    // One address never gets more than max-target-rate, however many ports it has.
    ("@rate 0\n198.18.4.1:1-65535\n", "rate = 0\n", 1000, 0),
    ("@rate 100k\n198.18.4.1:1-100\n", "rate = \"1M\"\n", 1000, 100_000),
    ("198.18.4.1:1-100\n", "rate = \"1M\"\n", 1000, nil),
    ("@rate 900\n198.18.4.1:1-100\n", "rate = \"1M\"\n", 900, nil),
    ("@rate 1M\n198.18.4.0/31:80\n", "rate = \"1M\"\n", 2000, 1_000_000),
    ("@rate 1M\n198.18.4.1:80\n", "rate = \"1M\"\nmax-target-rate = 50\n", 50, 1_000_000),
    // The share of the address with the most ports decides: here 4 of 259 targets.
    ("@rate 1M\n198.18.4.0/24:80\n198.18.4.9:81-83\n", "rate = \"1M\"\n", 64_750, 1_000_000),
    ("@rate 1M\n198.18.4.1:80\n", "rate = \"1M\"\nmax-target-rate = 0\n", 1_000_000, nil),
    // 10 Gbit/s carry 14,880,952 frames a second.
    ("@rate 0\n198.18.0.0/16:80\n", "bandwidth = \"95%\"\n", 14_136_904, 0),
    ("@rate 1k\n198.18.0.0/16:80\n", "bandwidth = \"1%\"\n", 1000, nil),
    ("198.18.0.0/16:80\n", "bandwidth = \"1%\"\n", 148_809, nil),
  ]

  @Test(arguments: rates)
  func `give a rate within the box's and within what one address may get`(
    _ text: String, _ lines: String, _ rate: UInt64, _ cappedFrom: UInt64?
  ) throws {
    let (plan, directives) = try planned(text)
    let found = try configuration(lines).effectiveRate(
      directives, plan, linkSpeed: 10_000_000_000)
    #expect((found.rate.perSecond ?? 0) == rate)
    #expect(found.cappedFrom.map { $0.perSecond ?? 0 } == cappedFrom)
  }

  @Test(
    arguments: [
      ("max-runtime = 0\n", nil), ("", .seconds(30 * 86_400)),
      ("max-runtime = \"90s\"\n", .seconds(90)),
    ] as [(String, Duration?)])
  func `have no part in the time limit, which 0 lifts`(_ lines: String, _ limit: Duration?) throws {
    #expect(try configuration(lines).runtimeLimit == limit)
  }

  @Test func `tell whether the time limit cuts the job off`() throws {
    let (plan, directives) = try planned("@seed 7\n198.18.0.0/24:80-83\n")
    var job = JobSettings(
      sequence: ProbeSequence(
        plan: plan, seed: try #require(directives.seed), shard: .whole, probes: ProbeCount(2)),
      seed: try #require(directives.seed), rate: PacketRate(512),
      dedupeMemory: .standard, key: SipHashKey(k0: 0, k1: 0))
    #expect(!job.isCutOffByMaxRuntime())
    // 2048 probes at 512 pps.
    for (limit, isCutOff) in [(4, false), (3, true)] {
      job.maxRuntime = .seconds(limit)
      #expect(job.isCutOffByMaxRuntime() == isCutOff)
    }
    #expect(job.isCutOffByMaxRuntime(from: 511) && !job.isCutOffByMaxRuntime(from: 512))
    #expect(!job.isCutOffByMaxRuntime(from: 9_999))
    job.rate = .unlimited
    #expect(!job.isCutOffByMaxRuntime())
  }
}
