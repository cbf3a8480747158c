// Helpers of several tests.

import Plan
import TestSupport
import Testing
import Wire

let fuzzSeed = Seed.next("PlanTests")

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func address(_ text: String) -> IPv4Address { IPv4Address(text)! }

func addressSet(_ text: String) throws -> AddressSet { try AddressSet(parsing: text) }

/// The first error of a target file; nil if it is valid.
func parseError(_ text: String) -> InputError? {
  do {
    _ = try TargetFile.parse(bytes(text), name: "t", format: .text)
    return nil
  } catch {
    return error
  }
}

func makePlan(
  _ text: String, ports: String? = nil, allow: String? = nil, deny: String? = nil
) throws -> TargetPlan {
  let file = try TargetFile.parse(bytes(text), name: "t", format: .text)
  return try TargetPlan(
    [file], defaultPorts: ports.map { try PortSet(parsing: $0) },
    scope: Scope(
      allow: allow.map { try AddressSet(parsing: $0) },
      deny: deny.map { try AddressSet(parsing: $0) } ?? AddressSet()))
}

func targets(_ plan: TargetPlan) -> [Target] { (0..<plan.count).map { plan.target(at: $0) } }

func target(_ text: String, _ port: UInt16) -> Target { Target(address(text), Port(port)) }
