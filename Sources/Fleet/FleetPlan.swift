// From the target files of a description to the plan that all boxes and the collector share.
import Plan
import Wire

/// The plan of a fleet's scan. It depends on the description and its files alone, never on a box's scope.
public struct FleetPlan: Sendable {
  public let description: ScanDescription
  public let plan: TargetPlan
  public let permutation: Permutation

  /// Takes the parsed target files, in the order of the description.
  ///
  /// - Throws: unless they have no directives and give the plan that the description promises.
  public init(
    _ description: ScanDescription, files: consuming [TargetFile], budget: PlanBudget = .unlimited
  )
    throws(FleetError)
  {
    self.description = description
    guard files.count == description.targets.count else {
      throw FleetError("scan: \(files.count) target files, expected \(description.targets.count)")
    }
    if let file = files.first(where: { $0.directives != Directives() }) {
      throw FleetError(
        "\(file.name): it has directives; those of a fleet's scan are in its description")
    }
    do throws(PlanningError) {
      let ports = try Self.ports(description)
      plan = try TargetPlan(
        files, defaultPorts: ports, scope: Scope(allow: nil, specialPurpose: .skip), budget: budget)
    } catch {
      throw FleetError("scan: \(error)")
    }
    guard plan.count > 0 else { throw FleetError("scan: its files have no target that may be probed") }
    guard plan.count == description.targetCount,
      description.planDigest == description.digest(ofPlanWith: plan.count)
    else {
      throw FleetError(
        "scan: its files have \(plan.count) targets, and the description says \(description.targetCount)"
      )
    }
    permutation = Permutation(count: plan.count, seed: description.seed)
  }

  private static func ports(_ description: ScanDescription) throws(PlanningError) -> PortSet? {
    guard let text = description.ports else { return nil }
    return try? PortSet(parsing: text)
  }

  /// Returns the shard of a target; nil if the plan does not have it.
  public func shard(of target: Target) -> UInt32? {
    plan.number(of: target).map {
      UInt32(truncatingIfNeeded: permutation.inverse(of: $0) % UInt64(description.shards))
    }
  }

  /// The most targets in any /24. O(addresses).
  public var mostPer24: UInt64 {
    var most: UInt64 = 0
    // The numbers ascend with the addresses, so those of a /24 are consecutive.
    var (block, count): (UInt32?, UInt64) = (nil, 0)
    for number in 0..<plan.count {
      let next = plan.target(at: number).address.value >> 8
      if next != block {
        most = max(most, count)
        (block, count) = (next, 0)
      }
      count += 1
    }
    return max(most, count)
  }

  public var facts: CollectorMachine.PlanFacts {
    CollectorMachine.PlanFacts(
      targetCount: plan.count, mostPer24: description.maximumRatePer24 == nil ? 0 : mostPer24)
  }

  /// Returns how many targets of a shard are in `denied`. O(targets of the shard, or those denied) at most.
  public func denied(_ denied: AddressSet, in shard: UInt32) -> UInt64 {
    guard let shard = try? Shard(shard, of: description.shards) else { return 0 }
    let sequence = ProbeSequence(plan: plan, seed: Seed(description.seed), shard: shard)
    return sequence.targetCount(within: denied) ?? 0
  }
}
