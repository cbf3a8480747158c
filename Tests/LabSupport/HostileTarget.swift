// A target node that misbehaves.
import Foundation

/// Runs Tests/HostileTarget/target.py, which describes what each of its addresses does.
public final class HostileTarget {
  private let running: Running

  public init(_ lab: Lab) throws {
    running = try Running(
      lab.inside(lab.net, ["python3", "\(Lab.root)/Tests/HostileTarget/target.py", "net0"]))
    try running.wait(for: "readiness") { $0.text.contains("ready") }
  }

  /// Ends the target; returns the RSTs received, by the last byte of the address. `bad` counts those that no TCP
  /// accepts.
  public func end() throws -> [String: Int] {
    running.signal(SIGTERM)
    let outcome = try running.wait()
    guard outcome.status == 0, let last = outcome.lines.last else { throw LabError(outcome.errors) }
    return try JSON.object(last).compactMapValues { $0 as? Int }
  }
}
