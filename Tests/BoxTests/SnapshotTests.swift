import BoxAPI
import TestSupport
import Testing

/// A snapshot in which no member has its default.
private let full: BoxSnapshot = {
  var snapshot = BoxSnapshot(
    time: Timestamp(nanoseconds: 1_790_000_000_123_456_789), state: .scanning,
    problems: ["eth0 is \"down\"", "b"])
  var scan = ScanProgress()
  scan.elapsed = 2_000_000_000
  scan.probesTotal = 1000
  scan.resultsBefore = 5
  scan.rateRequested = 500
  scan.counters = [.probesCompleted: 250, .probesRefused: 3, .results: 7, .duplicates: 1]
  snapshot.job = JobStatus(
    name: "a.txt", priority: 60, resumed: 1, progress: JobProgress(scan, rate: 123.4567891))
  scan.cooldownEnds = 9_500_000_000
  snapshot.cooling = [
    JobStatus(name: "c.txt", priority: 50, resumed: 0, progress: JobProgress(scan, rate: 0))
  ]
  snapshot.queue = [QueuedJob(name: "b.txt", priority: 40, state: "queued")]
  snapshot.jobsQueued = 1
  snapshot.filesArriving = 2
  snapshot.filesIgnored = ["fifo"]
  snapshot.started = Timestamp(nanoseconds: 1_780_000_000_000_000_000)
  snapshot.pid = 17
  for counter in Counter.allCases { snapshot.counters[counter] = UInt64(100 + counter.rawValue) }
  snapshot.station.interface = "eth0"
  snapshot.station.driver = "igb"
  snapshot.station.transmit = ["generator:0", "generator:1"]
  snapshot.station.receive = "xdp-native"
  snapshot.station.reason = "fastest"
  snapshot.station.reset = "transmitter"
  snapshot.station.sourceUse = "dedicated"
  snapshot.station.networkNamespace = "own"
  snapshot.station.checksum = "full"
  snapshot.nic.mac = "02:00:00:00:00:01"
  snapshot.nic.addresses = ["198.18.0.1/24"]
  snapshot.nic.mtu = 1500
  (snapshot.nic.up, snapshot.nic.carrier) = (true, true)
  snapshot.scopeSHA256 = "abc"
  var licence = LicenceStatus(.valid, reason: "none")
  (licence.rate, licence.denySequence, licence.expiresIn) = (400, 2, 7.5)
  snapshot.licence = licence
  snapshot.disk = DiskUse(totalBytes: 2_000_000_000, availableBytes: 1_234_567_890, usedPercent: 38)
  snapshot.versions.version = "0.2.0"
  snapshot.versions.revision = "r1"
  snapshot.versions.kernel = "6.18"
  snapshot.versions.swift = "6.3"
  snapshot.versions.libbpf = "1.5"
  snapshot.versions.libxdp = "1.4"
  return snapshot
}()

private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

@Suite(.timeLimit(.minutes(5))) struct `A snapshot` {
  @Test func `is the same after it was written and read`() throws {
    // Numbers are rounded to six decimal places.
    var rounded = full
    rounded.job?.progress?.rate = 123.456789
    #expect(try #require(BoxSnapshot(json: full.json)) == rounded)
  }

  @Test func `of a box without a job or a disk is the same after it was written and read`() throws {
    let empty = BoxSnapshot(time: Timestamp(nanoseconds: 0))
    #expect(try #require(BoxSnapshot(json: empty.json)) == empty)
    #expect(!text(empty.json).contains("\"job\""))
    #expect(!text(empty.json).contains("disk_total_bytes"))
  }

  @Test func `has one member per line, in the order for people`() {
    let lines = text(full.json).split(separator: "\n")
    #expect(lines[0] == "{" && lines.last == "}")
    #expect(lines[1] == "  \"format\": 2,")
    #expect(lines[2] == "  \"time\": \"2026-09-21T14:13:20.123Z\",")
    #expect(lines[3] == "  \"state\": \"scanning\",")
    #expect(lines[4] == "  \"problems\": [\"eth0 is \\\"down\\\"\", \"b\"],")
    #expect(lines[5].hasPrefix("  \"job\": {\"name\": \"a.txt\", \"priority\": 60, \"resumed\": 1, "))
    #expect(lines[5].contains("\"results\": 12,"), "earlier results are included")
    #expect(lines[5].contains("\"rate_pps\": 123.456789,"))
  }

  /// The names of docs/reference/status.md.
  @Test func `has every member of the status`() {
    let names = [
      "time", "state", "problems", "job", "queue", "jobs_queued", "files_arriving", "files_ignored",
      "started", "pid", "jobs_finished", "jobs_rejected", "jobs_resumed", "jobs_cancelled",
      "jobs_preempted", "drops", "interface", "driver", "nic", "transmit_mode", "receive_mode",
      "mode_reason", "rst_mode", "checksum_mode", "source_use", "scope_sha256", "disk_total_bytes",
      "disk_available_bytes", "disk_used_percent", "version", "revision", "kernel", "swift", "libbpf",
      "libxdp", "name", "priority", "resumed", "elapsed_seconds", "seconds_remaining", "progress",
      "probes_total", "probes_completed", "probes_refused", "rate_requested_pps", "rate_pps",
      "results", "replies_valid", "replies_invalid", "events_lost", "duplicates",
      "dedupe_evictions", "nic_rx_dropped", "nic_rx_missed", "nic_rx_errors", "nic_tx_dropped",
      "nic_tx_errors", "mac", "addresses", "mtu", "up", "carrier", "rx_packets", "tx_packets",
      // New in format 2.
      "format", "cooling", "totals", "replies_unprobed_source", "replies_unprobed_target",
      "rst_withheld", "network_namespace",
      // With a licence.
      "licence", "reason", "rate", "deny_sequence", "expires_in_seconds",
    ]
    let json = text(full.json)
    for name in names { #expect(json.contains("\"\(name)\": "), "\(name)") }
    let written = Set(json.matches(of: #/"([a-z0-9_]+)": /#).map { String($0.1) })
    #expect(written == Set(names))
  }

  @Test func `counts each counter in exactly one place, beside the jobs`() {
    var snapshot = full
    snapshot.job = nil
    snapshot.cooling = []
    let json = text(snapshot.json)
    for counter in Counter.allCases {
      let name = counter.definition.name
      #expect(json.components("\"\(name)\": \(100 + counter.rawValue)") == 1, "\(name)")
    }
  }

  @Test func `of another version is read, whatever it lacks or has in addition`() throws {
    let old = try #require(
      BoxSnapshot(
        json: Array(
          """
          {"time": "t", "state": "dancing", "problems": [], "job": {"name": "a", "tempo": 3},
           "queue": [{"name": "b"}], "drops": {"events_lost": 4, "socks": 2}, "nic": {"up": true},
           "jobs_finished": 9, "new": {"deep": [1]}}
          """.utf8)))
    #expect(old.format == 1)
    #expect(old.state.rawValue == "dancing" && !old.isFinal)
    #expect(old.job == JobStatus(name: "a", priority: 0, resumed: 0))
    #expect(old.queue == [QueuedJob(name: "b", priority: 0, state: "")])
    #expect(old.counters[.eventsLost] == 4 && old.counters[.jobsFinished] == 9)
    #expect(old.nic.up && !old.nic.carrier && old.disk == nil)
    #expect(old.text.contains("state      dancing at t\n"))
    let least = try #require(BoxSnapshot(json: Array("{\"state\":\"idle\",\"queue\":[{}]}".utf8)))
    #expect(
      least.text.contains("state      idle at unknown\n") && least.text.contains("unknown (priority 0)")
    )
  }

  @Test(arguments: [
    "", "{", "[]", "{\"state\": 1}", "\u{0}", "{\"time\":\"\"}",
    "{\"state\":\"idle\",\"queue\":[{\"name\":1}]}",
  ])
  func `is not read from bytes that are no status`(_ bytes: String) {
    #expect(BoxSnapshot(json: Array(bytes.utf8)) == nil)
  }

  /// Whatever is read can be shown, and is the same after it was written and read again.
  @Test func `is read or refused when its bytes are changed at random`() throws {
    var random = SeededGenerator(Seed.next())
    let original = full.json
    var read = 0
    for _ in 0..<500 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let at = Int.random(in: 0..<bytes.count, using: &random)
        let pieces = ["9", "0", "-", ".5", "e3", "null", "\"", "{", "]", ",", "x", "\\u0000"]
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes.remove(at: at)
        case 1: bytes[at] = UInt8.random(in: 0x20..<0x7f, using: &random)
        default:
          bytes.insert(contentsOf: (pieces.randomElement(using: &random) ?? "").utf8, at: at)
        }
      }
      guard let snapshot = BoxSnapshot(json: bytes) else { continue }
      read += 1
      #expect(!snapshot.text.isEmpty && !snapshot.metrics.isEmpty)
      let again = try #require(BoxSnapshot(json: snapshot.json), "\(text(bytes))")
      #expect(BoxSnapshot(json: again.json) == again, "\(text(bytes))")
    }
    #expect(read > 25)
  }

  @Test func `shows problems in the order of their kinds`() {
    #expect(
      ProblemKind.sentences([.configuration: "c", .link: "l", .fault: "f", .slowDisk: "s"])
        == ["f", "s", "l", "c"])
  }

  @Test func `as text contains no control characters and does not overflow`() throws {
    let hostile = """
      {"time": "now\\u001b[2J", "state": "stopped", "problems": ["\\u001b]0;x\\u0007", "\\n\\r"],
       "job": {"name": "\\u202e", "progress": 1e300, "seconds_remaining": -1e300, "rate_pps": 1e308}}
      """
    let shown = try #require(BoxSnapshot(json: Array(hostile.utf8))).text
    #expect(shown.utf8.allSatisfy { $0 >= 0x20 || $0 == 10 })
    #expect(!shown.contains("\u{202e}"))
  }

  @Test func `is printed line by line`() {
    #expect(
      full.text == """
        state      scanning at 2026-09-21T14:13:20.123Z
        problem    eth0 is "down"
        problem    b
        job        a.txt (priority 60, resumed 1), 25.0 % of 1000 probes, 123 pps, 12 results, 6 s remaining
        cooldown   1 jobs
                   c.txt (priority 50), 12 results, 8 s remaining
        queue      1 jobs, 2 files arriving
                   b.txt (priority 40, queued)
        ended      100 finished, 101 rejected, 103 cancelled
        licence    400 pps, deny list 2, 7 s remaining
        drops      110 events lost, 106 probes refused, 108 replies invalid, NIC rx 120 dropped 122 missed, \
        tx 121 dropped
        interface  eth0 (igb), carrier, 198.18.0.1/24
        modes      transmit generator:0,generator:1, receive xdp-native, sources dedicated, namespace own
        disk       38 % used, 1234 MB available
        version    synbox 0.2.0 (r1) on Linux 6.18

        """)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `The metrics` {
  private var lines: [Substring] { text(full.metrics).split(separator: "\n") }

  @Test func `have every counter once, with its help and type`() {
    for counter in Counter.allCases {
      let definition = counter.definition
      let labels = definition.direction.map { "{direction=\"\($0)\"}" } ?? ""
      #expect(lines.count { $0 == "# HELP \(definition.metric) \(definition.help)" } == 1)
      #expect(lines.count { $0 == "# TYPE \(definition.metric) counter" } == 1)
      #expect(lines.contains("\(definition.metric)\(labels) \(100 + counter.rawValue)"))
    }
  }

  @Test func `name families once, and samples after their family`() {
    var families: Set<Substring> = []
    var current: Substring = ""
    for line in lines {
      if line.hasPrefix("# HELP ") {
        current = line.split(separator: " ")[2]
        #expect(families.insert(current).inserted, "\(current) twice")
      } else if !line.hasPrefix("#") {
        #expect(line.prefix { $0 != " " && $0 != "{" } == current)
      }
    }
    // The table of docs/reference/metrics.md, and `synbox_jobs_cooling`.
    #expect(families.count == 37)
  }

  @Test func `show state, times, labels and the running job`() {
    for line in [
      "synbox_build_info{version=\"0.2.0\",revision=\"r1\"} 1",
      "synbox_datapath_info{interface=\"eth0\",driver=\"igb\",transmit=\"generator:0,generator:1\",receive=\"xdp-native\",rst=\"transmitter\"} 1",
      "synbox_state{state=\"scanning\"} 1", "synbox_state{state=\"idle\"} 0", "synbox_problems 2",
      "synbox_start_time_seconds 1780000000", "synbox_status_time_seconds 1790000000.123",
      "synbox_jobs_queued 1", "synbox_jobs_cooling 1", "synbox_files_arriving 2",
      "synbox_job_progress_ratio 0.25", "synbox_job_remaining_seconds 6",
      "synbox_nic_carrier 1", "synbox_disk_total_bytes 2000000000",
      "synbox_disk_available_bytes 1234567890",
    ] {
      #expect(lines.contains(Substring(line)), "\(line)")
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A timestamp` {
  @Test(
    arguments: [
      0, 951_782_400_000, 1_709_251_199_999, 1_790_000_000_123, 4_102_444_800_000,
    ] as [UInt64])
  func `gives the seconds that it was made from`(_ milliseconds: UInt64) {
    #expect(Timestamp(nanoseconds: milliseconds * 1_000_000).seconds == Double(milliseconds) / 1e3)
  }

  @Test(arguments: ["", "now", "2026-13-01T00:00:00Z", "2026-01-01 00:00:00", "-026-01-01T00:00:00Z"])
  func `that is no time gives none`(_ text: String) { #expect(Timestamp(text: text).seconds == nil) }
}

@Suite(.timeLimit(.minutes(5))) struct `The progress of a scan` {
  @Test func `gives its fraction, its rate and the time that remains`() {
    var scan = ScanProgress()
    #expect(scan.fraction == 1 && scan.secondsRemaining == nil && scan.rate(since: nil) == 0)
    scan.probesTotal = 1000
    scan.probesBefore = 500
    #expect(scan.fraction == 0.5)
    let first = scan
    scan.elapsed = 10_000_000_000
    scan.counters[.probesCompleted] = 250
    #expect(scan.fraction == 0.75)
    #expect(scan.secondsRemaining == 10)
    #expect(scan.rate(since: first) == 25)
    #expect(scan.rate(since: scan) == 25, "no time has passed, so the average")
    scan.cooldownEnds = 12_500_000_000
    #expect(scan.secondsRemaining == 2.5)
    scan.counters[.probesCompleted] = 5000
    #expect(scan.fraction == 1)
  }
}

extension String {
  /// How often a text stands in this one.
  fileprivate func components(_ text: String) -> Int { ranges(of: text).count }
}
