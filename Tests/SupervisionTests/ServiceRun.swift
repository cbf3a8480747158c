// Runs services as PID 1 does, and collects what happens to them.
import Confinement
import Foundation
import Kernel
import LabSupport
import Supervision
import Testing

/// The program of the services, and what its loader needs.
enum Probe {
  static let user = Credentials(uid: 65_534, gid: 65_534)

  static var path: String {
    get throws {
      guard geteuid() == 0 else { throw LabError("these tests need root, as PID 1 has it") }
      let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      return URL(fileURLWithPath: tests).deletingLastPathComponent()
        .appendingPathComponent("ConfinementProbe").path
    }
  }

  /// The program's directory and those of the libraries that this process maps, which the program needs, too.
  static var executable: [String] {
    get throws {
      let maps = try String(contentsOfFile: "/proc/self/maps", encoding: .utf8)
      let libraries = maps.split(separator: "\n").compactMap { line in
        line.firstIndex(of: "/").map { String(line[$0...]) }
      }.filter { $0.contains(".so") }
      let directories = (libraries + [try path]).map { ($0 as NSString).deletingLastPathComponent }
      return Set(directories + ["/usr/lib"]).sorted()
    }
  }

  /// A service that does `actions` (`ConfinementProbe/Service.swift`).
  static func service(
    _ name: String, _ actions: [String], heartbeat: Int? = nil,
    _ change: (inout StartRules) -> Void = { _ in }
  ) throws -> ServiceSpecification {
    var rules = StartRules(user: user, executable: try executable)
    change(&rules)
    return ServiceSpecification(
      name: name, program: try path, arguments: ["service"] + actions, drop: .byHelper(rules),
      timing: ServiceTiming(heartbeatSeconds: heartbeat))
  }
}

/// Services that run, and everything that was reported of them.
final class ServiceRun {
  let services: Services
  private(set) var lines: [[String]]
  private(set) var ends: [[(end: ProcessEnd, lines: [String], restart: Int?)]]
  private(set) var beats: [Int]
  private(set) var records: [[[UInt8]]]
  private(set) var privileges: [String?]
  private(set) var problems: [String] = []
  /// The longest time that one round has taken, in nanoseconds.
  private(set) var slowestRound: UInt64 = 0

  init(
    _ specifications: [ServiceSpecification], network: NetworkNamespace? = nil,
    helper: [String]? = nil
  ) throws {
    services = Services(
      specifications, helper: try helper ?? [Probe.path, "start-helper"], reapsOrphans: false,
      now: Clock.monotonic,
      servicesNetwork: { () throws(Fault) in
        guard let network else { throw Fault("there is no network namespace for services") }
        return network
      })
    lines = specifications.map { _ in [] }
    ends = specifications.map { _ in [] }
    beats = specifications.map { _ in 0 }
    records = specifications.map { _ in [] }
    privileges = specifications.map { _ in nil }
  }

  /// Runs until `condition` holds; throws at the deadline.
  func run(until what: String, seconds: Double = 20, _ condition: (ServiceRun) -> Bool) throws {
    let deadline = Date(timeIntervalSinceNow: seconds * patience)
    while !condition(self) {
      guard Date() < deadline else {
        throw LabError("no \(what): \(lines) \(ends) \(problems)")
      }
      let began = Clock.monotonic
      for report in services.run(at: began) { record(report) }
      slowestRound = max(slowestRound, Clock.monotonic - began)
      waitForAny(services.descriptors(at: Clock.monotonic), milliseconds: 20)
    }
  }

  private func record(_ report: ServiceReport) {
    switch report {
    case .line(let service, let line): lines[service].append(line)
    case .beat(let service, _): beats[service] += 1
    case .record(let service, let bytes): records[service].append(bytes)
    case .up(let service, let privilege): privileges[service] = privilege
    case .unconfined(let service, let excess): problems.append("\(service) unconfined: \(excess)")
    case .killed(let service, let reason): problems.append("\(service) killed: \(reason)")
    case .ended(let service, let end, let lines, let restart):
      ends[service].append((end, lines, restart))
    case .notStarted(let service, let fault, _): problems.append("\(service) not started: \(fault)")
    }
  }

  /// Ends all services.
  func end() throws {
    services.stop(at: Clock.monotonic)
    try run(until: "end of the services") { $0.services.hasStopped }
  }
}
