import Plan
import Testing
import Wire

@Suite(.timeLimit(.minutes(5))) struct `A probe sequence` {
  private func plan() throws -> TargetPlan {
    try makePlan("198.18.0.0/24:80,443\n198.18.4.1-198.18.4.77:22\n198.18.0.9:8000-8005\n")
  }

  private func all(_ cursor: ProbeSequence.Cursor, batch: Int = 100) -> [Probe] {
    var cursor = cursor
    var probes: [Probe] = []
    var buffer = [Probe](repeating: Probe(target("0.0.0.0", 0), pass: 0), count: batch)
    while true {
      var span = buffer.mutableSpan
      let number = cursor.next(into: &span)
      if number == 0 { return probes }
      probes += buffer[..<number]
    }
  }

  @Test(arguments: [1, 2, 3, 19, 258, 5000] as [UInt32])
  func `has disjoint shards that together are the whole`(shards: UInt32) throws {
    let plan = try plan()
    var seen: [Target] = []
    for index in 0..<shards {
      let sequence = ProbeSequence(plan: plan, seed: Seed(3), shard: try Shard(index, of: shards))
      let probes = all(sequence.cursor())
      #expect(UInt64(probes.count) == sequence.count)
      seen += probes.map { Target($0.address, $0.port) }
    }
    #expect(seen.count == Int(plan.count))
    #expect(Set(seen) == Set(targets(plan)))
  }

  @Test(arguments: [1, 2, 3, 7], [1, 3])
  func `is divided among threads without overlap`(threads: Int, shards: UInt32) throws {
    let sequence = ProbeSequence(
      plan: try plan(), seed: Seed(8), shard: try Shard(shards - 1, of: shards), probes: ProbeCount(3))
    let shared = (0..<threads).flatMap { all(sequence.cursor(thread: $0, of: threads), batch: 37) }
    #expect(shared.count == Int(sequence.count))
    #expect(Set(shared) == Set((0..<sequence.count).map { sequence[$0] }))
    #expect(Set(shared).count == shared.count)
  }

  @Test func `returns the same probes in batches and by position`() throws {
    let sequence = ProbeSequence(plan: try plan(), seed: Seed(8), probes: ProbeCount(2))
    let expected = (0..<sequence.count).map { sequence[$0] }
    for batch in [1, 63, 128, 129, 10_000] { #expect(all(sequence.cursor(), batch: batch) == expected) }
  }

  @Test func `repeats the same order in each pass`() throws {
    let plan = try plan()
    let sequence = ProbeSequence(plan: plan, seed: Seed(8), probes: ProbeCount(3))
    let probes = all(sequence.cursor())
    let once = Int(plan.count)
    #expect(probes.count == 3 * once)
    for (position, probe) in probes.enumerated() {
      #expect(Int(probe.pass) == position / once)
      #expect(
        probe.address == probes[position % once].address && probe.port == probes[position % once].port)
    }
  }

  @Test func `resumes from a position with another number of threads`() throws {
    let sequence = ProbeSequence(plan: try plan(), seed: Seed(8), probes: ProbeCount(2))
    let expected = (0..<sequence.count).map { sequence[$0] }
    for start in [0, 1, 100, 594, 595, 596, sequence.count - 1, sequence.count] as [UInt64] {
      let remaining = (0..<5).flatMap { all(sequence.cursor(from: start, thread: $0, of: 5)) }
      #expect(remaining.count == Int(sequence.count - start))
      #expect(Set(remaining) == Set(expected[Int(start)...]))
    }
  }

  @Test func `has cursors whose state is their position`() throws {
    let sequence = ProbeSequence(plan: try plan(), seed: Seed(8), probes: ProbeCount(2))
    var cursor = sequence.cursor(thread: 1, of: 3)
    var buffer = [Probe](repeating: sequence[0], count: 200)
    var span = buffer.mutableSpan
    #expect(cursor.next(into: &span) == 200)
    let again = sequence.cursor(from: cursor.position, thread: 1, of: 3)
    #expect(all(again) == all(cursor))
  }

  @Test(arguments: [1, 2, 3, 19] as [UInt32])
  func `limits the targets of all shards together`(shards: UInt32) throws {
    let plan = try plan()
    var number: UInt64 = 0
    var seen: Set<Target> = []
    for index in 0..<shards {
      let sequence = ProbeSequence(
        plan: plan, seed: Seed(1), shard: try Shard(index, of: shards), maxTargets: .count(10))
      number += sequence.count
      seen.formUnion(all(sequence.cursor()).map { Target($0.address, $0.port) })
    }
    #expect(number == 10)
    #expect(seen.count == 10)
  }

  @Test func `can cover all of IPv4 on all ports`() throws {
    let plan = try makePlan("0.0.0.0/0", ports: "*")
    let sequence = ProbeSequence(plan: plan, seed: Seed(1), probes: ProbeCount(255))
    #expect(sequence.count == plan.count * 255)
    let last = sequence[sequence.count - 1]
    #expect(last.pass == 254)
    #expect(all(sequence.cursor(from: sequence.count - 300, thread: 0, of: 2)).count == 150)
  }
}
