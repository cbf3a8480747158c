// Files that number all their targets, whatever the box's scope.
import Plan
import Testing

@testable import synbox

@Suite(.timeLimit(.minutes(5))) struct `A file with @numbering targets` {
  private func outcome(_ text: String, ports: String? = nil, _ scope: Scope) throws -> PlanningOutcome {
    let file = try TargetFile.parse(Array(text.utf8), name: "net.txt", format: .text)
    // A suite here has the same name.
    return synbox.Planning.plan(
      file, identity: "1 2", try ports.map { try PortSet(parsing: $0) }, scope, .unlimited)
  }

  private func planned(_ text: String, _ scope: Scope) throws -> PlannedTargets {
    guard case .planned(let targets) = try outcome(text, scope) else { throw Unplanned() }
    return targets
  }

  private struct Unplanned: Error {}

  private func reason(_ outcome: PlanningOutcome) -> String? {
    if case .unfit(let reason) = outcome { reason } else { nil }
  }

  private static let text = "@numbering targets\n@seed 7\n@shard 1/3\n198.18.0.0/22:80,443\n"

  @Test func `has the same numbers under any scope, which denies the others`() throws {
    let all = try planned(Self.text, Scope())
    let narrow = try planned(
      Self.text,
      Scope(
        allow: try AddressSet(parsing: "198.18.1.0/24"),
        deny: try AddressSet(parsing: "198.18.1.0/25")))
    #expect(all.plan.count == 2048 && narrow.plan.count == 2048)
    for number in 0..<all.plan.count {
      #expect(all.plan.target(at: number) == narrow.plan.target(at: number))
    }
    #expect(all.denied == DeniedTargets.none)
    let denied = try #require(narrow.denied)
    #expect(denied.addresses == (try AddressSet(parsing: "198.18.0.0/24,198.18.1.0/25,198.18.2.0/23")))
    #expect(denied.inPlan == 2048 - 256)
    let sequence = ProbeSequence(plan: all.plan, seed: Seed(7), shard: try Shard(1, of: 3))
    let expected = (0..<sequence.targetCount).count {
      denied.addresses.contains(sequence[$0].address)
    }
    #expect(denied.inShard == UInt64(expected) && expected > 0)
  }

  @Test func `is planned even if the scope denies everything`() throws {
    let targets = try planned(Self.text, Scope(allow: try AddressSet(parsing: "192.0.2.1")))
    #expect(targets.denied?.inPlan == 2048)
    try configuration("").validate(targets.plan, targets.directives, file: "net.txt")
  }

  @Test func `is rejected without a seed`() throws {
    let reason = reason(try outcome("@numbering targets\n198.18.0.1:80\n", Scope()))
    #expect(reason?.hasPrefix("net.txt: found @numbering targets without @seed") == true)
  }

  @Test func `is rejected if the box does not allow one of its ports`() throws {
    let scope = Scope(ports: try PortSet(parsing: "80"))
    let found = reason(try outcome(Self.text, scope))
    #expect(
      found?.hasPrefix("net.txt: found port 443 with @numbering targets") == true, "\(found ?? "")")
    let allowed = Scope(ports: try PortSet(parsing: "80,443"))
    #expect(try planned(Self.text, allowed).denied == DeniedTargets.none)
  }

  @Test func `takes no ports from the configuration`() throws {
    let text = "@numbering targets\n@seed 7\n198.18.0.1\n"
    #expect(reason(try outcome(text, ports: "80", Scope()))?.contains("an entry without ports") == true)
    let other = try outcome("@numbering scope\n@seed 7\n198.18.0.1\n", ports: "80", Scope())
    guard case .planned(let targets) = other else {
      Issue.record("\(other)")
      return
    }
    #expect(targets.plan.count == 1 && targets.denied == nil)
  }

  /// An address that the scope denies takes no part of the rate, so the others get more.
  @Test func `is held to max-target-rate on the addresses that are left`() throws {
    let targets = try planned(
      "@numbering targets\n@seed 7\n@rate 1M\n198.18.0.0/22:80\n",
      Scope(allow: try AddressSet(parsing: "198.18.1.0/31")))
    let found = try configuration("rate = \"1M\"\n").effectiveRate(
      targets.directives, targets.plan, denied: targets.denied?.inPlan ?? 0, linkSpeed: nil)
    #expect(found.rate == PacketRate(2000))
  }
}
