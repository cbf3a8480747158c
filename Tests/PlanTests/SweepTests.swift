import Synchronization
import TestSupport
import Testing
import Wire

@testable import Plan

@Suite(.timeLimit(.minutes(5))) struct `A sweep` {
  /// Entries that lie within each other, each with other ports, under one with all ports.
  private func nested(_ number: UInt32) -> (entries: [Entry], sets: PortSetTable) {
    var sets = PortSetTable()
    var entries = [Entry(addresses: AddressRange(0, 10 * number), ports: sets.number(of: .all))]
    for index in 0..<number {
      let ports = PortSet([
        UInt16(2 * (index % 30_000) + 1)...UInt16(2 * (index % 30_000) + 1),
        UInt16(index / 7 % 65_000 + 1)...UInt16(index / 7 % 65_000 + 1),
      ])
      entries.append(
        Entry(addresses: AddressRange(index, 10 * number - index), ports: sets.number(of: ports)))
    }
    return (entries, sets)
  }

  /// Without the entry with all ports, whose union with any other is itself.
  private func steps(_ number: UInt32) -> (steps: Int, memory: Int) {
    let (entries, sets) = nested(number)
    var sweep = Sweep(Array(entries.dropFirst()), sets)
    while sweep.nextSegment() != nil {}
    return (sweep.steps, sweep.memory)
  }

  @Test func `takes no more than about twice the steps and memory for twice the entries`() {
    let (half, whole) = (steps(4_000), steps(8_000))
    #expect(whole.steps < 3 * half.steps, "\(half) \(whole)")
    #expect(whole.memory < 3 * half.memory, "\(half) \(whole)")
    #expect(whole.steps < 8_000 * 400)
  }

  @Test func `combines nested entries exactly`() {
    let (entries, sets) = nested(1_000)
    var sweep = Sweep(Array(entries.dropFirst()), sets)
    var segments: [Segment] = []
    while let segment = sweep.nextSegment() { segments.append(segment) }
    #expect(segments.count == 1999)
    let lists = PortLists(sweep.sets)
    var expected: Set<UInt16> = []
    for number in 0..<1000 {
      for interval in sets.intervals(of: entries[number + 1].ports) {
        expected.formUnion(UInt16(interval >> 16)...UInt16(truncatingIfNeeded: interval))
      }
      guard number % 97 == 0 || number > 990 else { continue }
      let set = segments[number].ports
      // Rows store a single interval themselves.
      let intervals = sweep.sets.intervals(of: set)
      let ports =
        intervals.count == 1
        ? Array(
          UInt16(
            intervals[intervals.startIndex] >> 16)...UInt16(
              truncatingIfNeeded: intervals[intervals.startIndex]))
        : (0..<sweep.sets.counts[Int(set)]).map { lists.port($0, of: set) }
      #expect(ports == expected.sorted(), "segment \(number)")
    }
  }

  @Test func `agrees with plain sets for random ranges of addresses and ports`() throws {
    var random = SeededGenerator(fuzzSeed)
    for trial in 0..<40 {
      var (text, expected): (String, Set<Target>) = ("@ports 7,9,11-300,40000-41000,65535\n", [])
      for _ in 0..<Int.random(in: 2...30, using: &random) {
        let first = 0x0b01_0000 + UInt32.random(in: 0..<40, using: &random)
        let range = AddressRange(first, first + UInt32.random(in: 0..<20, using: &random))
        var ports = Set<UInt16>()
        var words: [String] = []
        for _ in 0..<Int.random(in: 0...40, using: &random) {
          let low = UInt16.random(in: 1...2_000, using: &random)
          let high =
            low + (Bool.random(using: &random) ? 0 : UInt16.random(in: 0...300, using: &random))
          words.append("\(low)-\(high)")
          ports.formUnion(low...high)
        }
        if words.isEmpty {
          ports = Set([7, 9, 65535]).union(11...300).union(40000...41000)
        }
        text += "\(range)" + (words.isEmpty ? "" : ":") + words.joined(separator: ",") + "\n"
        for address in range.first...range.last {
          for port in ports { expected.insert(Target(IPv4Address(address), Port(port))) }
        }
      }
      let plan = try makePlan(text)
      let all = targets(plan)
      guard all.count == expected.count, Set(all) == expected, plan.outOfScope == 0 else {
        Issue.record("seed \(fuzzSeed), trial \(trial): \(text)")
        return
      }
      let most = Dictionary(grouping: expected, by: \.address).values.map(\.count).max() ?? 0
      #expect(plan.mostPortsPerAddress == UInt64(most))
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A plan within a budget` {
  private func file(_ lines: Int) throws -> TargetFile {
    var text = ""
    for line in 0..<lines {
      text +=
        "\(AddressRange(0x1400_0000 + UInt32(line), 0x1500_0000 - UInt32(line))):\(line % 60_000 + 1)\n"
    }
    return try TargetFile.parse(bytes(text), name: "nested.txt")
  }

  private func error(_ budget: PlanBudget, lines: Int = 20_000) throws -> PlanningError? {
    let file = try file(lines)
    return #expect(throws: PlanningError.self) {
      try TargetPlan([file], defaultPorts: nil, scope: Scope(), budget: budget)
    }
  }

  @Test func `is none if it needs more memory`() throws {
    let error = try error(PlanBudget(memory: 1 << 20))
    guard case .invalid(let mistake) = error else {
      throw ValueError(found: "\(error as Any)", expected: "")
    }
    #expect(mistake.description.contains("nested.txt: found a plan of more than 1 MiB"), "\(mistake)")
  }

  @Test func `is stopped soon`() throws {
    let steps = Mutex(0)
    let budget = PlanBudget(memory: .max) { count in
      steps.withLock { total in
        total += count
        return total > 100_000 ? .stop : .goAhead
      }
    }
    #expect(try error(budget) == .stopped)
    #expect(steps.withLock(\.self) < 200_000)
  }

  @Test func `is none once it has taken too long`() throws {
    let error = try error(PlanBudget(memory: .max) { _ in .outOfTime })
    guard case .invalid(let mistake) = error else {
      throw ValueError(found: "\(error as Any)", expected: "")
    }
    #expect(mistake.description.contains("takes too long"))
  }

  @Test func `reports its steps to the watcher`() throws {
    let reports = Mutex(0)
    let budget = PlanBudget(memory: .max) { _ in
      reports.withLock { $0 += 1 }
      return .goAhead
    }
    _ = try TargetPlan([try file(20_000)], defaultPorts: nil, scope: Scope(), budget: budget)
    #expect(reports.withLock(\.self) > 10)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A scope of ports` {
  private func plan(_ text: String, ports: String) throws -> TargetPlan {
    let file = try TargetFile.parse(bytes(text), name: "t")
    return try TargetPlan(
      [file], defaultPorts: PortSet(parsing: "80,8080"),
      scope: Scope(ports: PortSet(parsing: ports)))
  }

  @Test func `leaves out other ports, and counts them`() throws {
    let plan = try plan("198.18.0.0/30:22,80,440-450\n198.18.0.1:23\n198.18.0.9\n", ports: "80,443-445")
    #expect(plan.count == 4 * 4 + 1)
    #expect(plan.outOfScope == 4 * 9 + 1 + 1)
    #expect(targets(plan).allSatisfy { [80, 443, 444, 445].contains($0.port.value) })
  }

  @Test func `that has none of a file's ports leaves no target`() throws {
    let plan = try plan("198.18.0.0/24:22\n", ports: "80")
    #expect(plan.count == 0 && plan.outOfScope == 256)
  }

  @Test func `that has all of them changes nothing`() throws {
    let plan = try plan("198.18.0.0/24:22\n198.18.0.7\n", ports: "*")
    #expect(plan.count == 258 && plan.outOfScope == 0)
  }
}
