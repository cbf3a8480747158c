// The numbering of all targets: what a scope excludes of them, and how many of a shard that are.
import Plan
import TestSupport
import Testing
import Wire

@Suite(.timeLimit(.minutes(5))) struct `A plan of all targets` {
  private static let text = """
    198.18.0.0/24:80,443
    198.18.4.1-198.18.4.77:22
    198.18.0.9:8000-8005,1
    203.0.113.7:9
    198.18.9.1:5-9
    198.18.9.3:5-9
    198.18.9.5:5-9

    """

  private func plan() throws -> TargetPlan {
    let file = try TargetFile.parse(bytes(Self.text), name: "t", format: .text)
    return try TargetPlan([file], defaultPorts: nil, scope: .ofAllTargets)
  }

  private static let scopes: [(allow: String?, deny: String)] = [
    (nil, "203.0.113.7"), ("198.18.0.0/15", "198.18.0.128/25"), ("198.18.0.9", "192.0.2.1"),
    ("192.0.2.0/24", "192.0.2.1"), (nil, "198.18.9.2-198.18.9.3,198.18.4.77-198.18.4.90"),
    ("0.0.0.0/0", "192.0.2.1"),
  ]

  private func scope(_ allow: String?, _ deny: String) throws -> Scope {
    Scope(allow: try allow.map(addressSet), deny: try addressSet(deny))
  }

  @Test(arguments: scopes)
  func `has the addresses that a scope excludes`(_ allow: String?, _ deny: String) throws {
    let (plan, scope) = (try plan(), try scope(allow, deny))
    let denied = plan.addresses(deniedBy: scope)
    let file = try TargetFile.parse(bytes(Self.text), name: "t", format: .text)
    let within = Set(targets(try TargetPlan([file], defaultPorts: nil, scope: scope)))
    for target in targets(plan) {
      #expect(denied.contains(target.address) != within.contains(target), "\(target)")
    }
    #expect(plan.targetCount(within: denied) == plan.count - UInt64(within.count))
    #expect(denied.subtracting(plan.addresses).isEmpty)
  }

  @Test(arguments: scopes, [1, 2, 7, 600] as [UInt32])
  func `counts the excluded targets of a shard exactly`(
    _ scope: (allow: String?, deny: String), _ shards: UInt32
  ) throws {
    let plan = try plan()
    let denied = plan.addresses(deniedBy: try self.scope(scope.allow, scope.deny))
    var sum: UInt64 = 0
    for index in 0..<shards {
      let sequence = ProbeSequence(
        plan: plan, seed: Seed(fuzzSeed), shard: try Shard(index, of: shards), probes: ProbeCount(2))
      let count = (0..<sequence.targetCount).count { denied.contains(sequence[$0].address) }
      let found = sequence.targetCount(within: denied)
      #expect(found == UInt64(count), "shard \(index) of \(shards), seed \(fuzzSeed)")
      sum += found ?? 0
    }
    #expect(sum == plan.targetCount(within: denied))
  }

  @Test func `stops counting if it is told to`() throws {
    let plan = try plan()
    let sequence = ProbeSequence(plan: plan, seed: Seed(1), shard: try Shard(0, of: 2))
    for denied in [try addressSet("198.18.0.1"), plan.addresses] {
      var steps = 0
      let found = sequence.targetCount(within: denied) { count in
        steps += count
        return false
      }
      #expect(found == nil && steps > 0)
    }
  }

  @Test func `is the same whatever is in special-purpose space of its own`() throws {
    func count(_ text: String) throws -> UInt64 {
      let file = try TargetFile.parse(bytes(text), name: "t", format: .text)
      return try TargetPlan([file], defaultPorts: nil, scope: .ofAllTargets).count
    }
    #expect(try count("10.0.0.0/24:80\n127.0.0.0/8:80\n") == 256)
    #expect(try count("8.0.0.0/6:80\n") == 3 << 24, "9 to 11 without 10.0.0.0/8")
  }

  @Test func `finds the lowest port outside a set`() throws {
    let plan = try plan()
    #expect(plan.firstPort(outside: .all) == nil)
    #expect(plan.firstPort(outside: try PortSet(parsing: "1-9,22,80,443,8000-8005")) == nil)
    #expect(plan.firstPort(outside: try PortSet(parsing: "1-9,22,80,443,8000-8004")) == Port(8005))
    #expect(plan.firstPort(outside: try PortSet(parsing: "2-9,22,80,443,8000-8005")) == Port(1))
    #expect(plan.firstPort(outside: try PortSet(parsing: "1-9,80,443")) == Port(22))
  }
}

@Suite(.timeLimit(.minutes(5))) struct `The directive @numbering` {
  @Test func `is scope or targets`() throws {
    func numbering(_ line: String) throws -> Numbering? {
      try TargetFile.parse(bytes("\(line)\n192.0.2.1:80\n"), name: "t", format: .text).directives
        .numbering
    }
    #expect(try numbering("@numbering targets") == .targets)
    #expect(try numbering("@numbering scope") == .scope)
    #expect(try numbering("# none") == nil)
    let error = try #require(parseError("@numbering all\n192.0.2.1:80\n"))
    #expect(error.description.contains("t:1:12: found \"all\", expected scope or targets"), "\(error)")
  }
}
