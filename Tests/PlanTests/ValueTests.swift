import Plan
import Testing
import Wire

@Suite(.timeLimit(.minutes(5))) struct `Values` {
  private func rejects<Value: ParsableValue>(_ type: Value.Type, _ texts: [String]) {
    for text in texts {
      #expect(throws: ValueError.self, "\(type) from \(text)") { try Value(parsing: text) }
    }
  }

  @Test func `of ports are sorted and merged`() throws {
    #expect(
      try PortSet(parsing: "443,80,8000-8010,8005-8020,81,80").description == "80-81,443,8000-8020")
    #expect(try PortSet(parsing: "65535,1").ranges == [1...1, 65535...65535])
    #expect(try PortSet(parsing: "*") == PortSet.all)
    #expect(PortSet.all.count == 65535)
    rejects(
      PortSet.self,
      [
        "", "0", "65536", "80,", ",80", "80-", "-80", "90-80", "080", "+80", "80 ", "*,80",
        "99999999999",
      ])
  }

  @Test func `of ports report the offset of an error`() {
    let error = #expect(throws: ValueError.self) { try PortSet(parsing: "80,443,70000-70001") }
    #expect(error?.offset == 7 && error?.found == "\"70000\"")
  }

  @Test func `of port ranges are one port or two`() throws {
    #expect(try PortRange(parsing: "32768-61000").count == 28233)
    #expect(try PortRange(parsing: "60000") == PortRange(Port(60000), Port(60000)))
    rejects(PortRange.self, ["", "0-1", "2-1", "1-65536", "1,2", "1-2-3"])
  }

  @Test func `of packet rates have a default of 10,000 per second`() throws {
    #expect(PacketRate.default.perSecond == 10_000)
    #expect(try PacketRate(parsing: PacketRate.default.description) == .default)
  }

  @Test func `of pace intervals are milliseconds, exact to the microsecond`() throws {
    for (text, nanoseconds, written) in [
      ("1ms", 1_000_000, "1ms"), ("0.1ms", 100_000, "0.1ms"), ("4ms", 4_000_000, "4ms"),
      ("2.500ms", 2_500_000, "2.5ms"), ("0.123ms", 123_000, "0.123ms"), ("1.05ms", 1_050_000, "1.05ms"),
    ] as [(String, UInt64, String)] {
      let interval = try PaceInterval(parsing: text)
      #expect(interval.nanoseconds == nanoseconds && interval.description == written, "\(text)")
    }
    rejects(
      PaceInterval.self,
      [
        "", "1", "1s", "ms", "0ms", "0.099ms", "4.001ms", "0.1234ms", "1 ms", "1msx", "-1ms",
        "18446744073709551616ms", "18446744073709551ms", "18446744073709553ms",
      ])
  }

  @Test func `of packet rates are exact`() throws {
    for (text, rate) in [
      ("100000", 100_000), ("100k", 100_000), ("1.5M", 1_500_000), ("1.488095M", 1_488_095),
      ("0.001K", 1),
      ("0.5000k", 500), ("1g", 1_000_000_000), ("1.000000001G", nil), ("0", nil), ("0.0M", nil),
    ] as [(String, UInt64?)] where text != "1.000000001G" {
      #expect(try PacketRate(parsing: text).perSecond == rate, "\(text)")
    }
    rejects(
      PacketRate.self,
      [
        "", "-1", "1.5", "0.0001k", "1.", ".5M", "1..5", "1.5.5", "1e6", "1MM", "1 k", "1.1G", "k",
        "99999999999999999999", "1.000000001G", "18446744073.709551616G", "0x10", "+5",
      ])
  }

  @Test func `of bandwidth are bits, or bytes with B`() throws {
    for (text, bits) in [
      ("10M", 10_000_000), ("1G", 1_000_000_000), ("12MB", 96_000_000), ("2.5G", 2_500_000_000),
      ("1000", 1000), ("125B", 1000), ("1000G", 1_000_000_000_000), ("0", nil), ("0GB", nil),
    ] as [(String, UInt64?)] {
      #expect(try Bandwidth(parsing: text).bitsPerSecond == bits, "\(text)")
    }
    rejects(Bandwidth.self, ["", "999", "1", "1001G", "1Mb", "1Mbit", "BB", "1BM", "-1G"])
  }

  @Test func `of bandwidth include the overhead of each frame on the wire`() throws {
    // 1 Gbit/s carries 1,488,095 shortest frames (84 bytes each with preamble, FCS and gap).
    let gigabit = try Bandwidth(parsing: "1G")
    #expect(gigabit.packetRate(frameBytes: 54).perSecond == 1_488_095)
    #expect(gigabit.packetRate(frameBytes: 60).perSecond == 1_488_095)
    #expect(gigabit.packetRate(frameBytes: 1514).perSecond == 81_274)
    #expect(try Bandwidth(parsing: "1K").packetRate(frameBytes: 1514).perSecond == 1)
    #expect(Bandwidth.unlimited.packetRate(frameBytes: 60) == .unlimited)
  }

  @Test func `of bandwidth limits may be a share of the link`() throws {
    let share = try BandwidthLimit(parsing: "95%")
    #expect(share.bandwidth(linkSpeed: 1_000_000_000)?.bitsPerSecond == 950_000_000)
    #expect(share.bandwidth(linkSpeed: nil) == nil)
    #expect(
      try BandwidthLimit(parsing: "100%").bandwidth(linkSpeed: .max)?.bitsPerSecond == Bandwidth.maximum
    )
    #expect(try BandwidthLimit(parsing: "1G").bandwidth(linkSpeed: nil)?.bitsPerSecond == 1_000_000_000)
    rejects(BandwidthLimit.self, ["", "%", "0%", "101%", "1.5%", "-1%", "95 %", "1M%", "%95"])
  }

  @Test func `of shards count from 0`() throws {
    #expect(try Shard(parsing: "0/1") == Shard.whole)
    #expect(try Shard(parsing: "3/4") == Shard(3, of: 4))
    #expect(throws: ValueError.self) { try Shard(4, of: 4) }
    rejects(Shard.self, ["", "1", "4/4", "0/0", "-1/4", "1/4/5", "1/", "/4", "a/b"])
  }

  @Test func `of seeds, probe counts and priorities are integers within bounds`() throws {
    #expect(try Seed(parsing: "18446744073709551615").value == .max)
    #expect(try ProbeCount(parsing: "255").value == 255)
    #expect(try Priority(parsing: "0") < Priority(parsing: "100"))
    rejects(Seed.self, ["", "-1", "1.0", "18446744073709551616", "0x1"])
    rejects(ProbeCount.self, ["", "0", "256"])
    rejects(Priority.self, ["", "101", "-1"])
  }

  @Test func `of target limits are a number, or a percentage that is rounded up`() throws {
    #expect(try MaxTargets(parsing: "1000").limit(of: 10) == 10)
    #expect(try MaxTargets(parsing: "7").limit(of: 10) == 7)
    #expect(try MaxTargets(parsing: "10%").limit(of: 1000) == 100)
    #expect(try MaxTargets(parsing: "10%").limit(of: 5) == 1)
    #expect(try MaxTargets(parsing: "0.01%").limit(of: 65535 << 32) == 28_147_068_175)
    #expect(try MaxTargets(parsing: "100%").limit(of: .max) == .max)
    #expect(try MaxTargets(parsing: "100.0%").limit(of: 0) == 0)
    rejects(MaxTargets.self, ["", "0", "0%", "1.5", "101%", "100.0001%", "%", "10%%", "-5", "10k"])
  }

  @Test func `of durations are seconds or have a unit`() throws {
    for (text, duration) in [
      ("8", .seconds(8)), ("0.5", .milliseconds(500)), ("5m", .seconds(300)), ("1h", .seconds(3600)),
      ("30s", .seconds(30)), ("0", .zero), ("0.000000001", .nanoseconds(1)), ("1.5h", .seconds(5400)),
    ] as [(String, Duration)] {
      #expect(try Duration(parsing: text) == duration, "\(text)")
    }
    rejects(Duration.self, ["", "-1", "1d", "1ms", "8761h", "0.0000000001", "s", "1 s"])
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A size of memory` {
  @Test(arguments: [
    ("4096", 4096), ("64K", 65_536), ("64k", 65_536), ("1.5M", 1_572_864), ("1G", 1 << 30),
    ("1024G", 1 << 40), ("0", 0),
  ])
  func `has units that are powers of 1024`(_ text: String, _ bytes: UInt64) throws {
    #expect(try MemorySize(parsing: text).bytes == bytes)
  }

  @Test(arguments: [
    "", "M", "-1", "1T", "1MB", "1 G", "0.3K", "1025G", "18446744073709551616", "99999999999G", ".5G",
    "1.G",
  ])
  func `is rejected if it is anything else`(_ text: String) {
    #expect(throws: ValueError.self) { try MemorySize(parsing: text) }
  }
}
