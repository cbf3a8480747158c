// Runs a scenario of ConfinementProbe in a process of its own and parses its output.
import Foundation
import LabSupport

/// The output of a scenario, and how it ended.
struct ProbeRun {
  let lines: [(key: String, value: String)]
  let output: String
  /// The signal that killed it; nil when it ended by itself.
  let signal: Int32?

  /// The value of `key`; nil unless it was printed exactly once.
  subscript(key: String) -> String? {
    let values = all(key)
    return values.count == 1 ? values[0] : nil
  }

  func all(_ key: String) -> [String] { lines.filter { $0.key == key }.map(\.value) }
}

struct ProbeProblem: Error, CustomStringConvertible { let description: String }

/// Runs `scenario` in `directory`. These tests never skip: where they cannot run, they fail and say why.
///
/// - Parameters:
///   - arguments: for the scenario.
///   - ready: done once it has printed `ready`; then it may go on.
func probe(
  _ scenario: String, _ arguments: [String] = [], in directory: URL? = nil,
  ready: (() throws -> Void)? = nil
) throws -> ProbeRun {
  guard geteuid() == 0 else {
    throw ProbeProblem(
      description: "the confinement tests need root: what they test is how root gives itself up")
  }
  let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
  let program = URL(fileURLWithPath: tests).deletingLastPathComponent()
    .appendingPathComponent("ConfinementProbe")
  guard FileManager.default.isExecutableFile(atPath: program.path) else {
    throw ProbeProblem(description: "no \(program.path): build it with swift build --build-tests")
  }
  // The runtime's crash handler, which the static binary does not have, would start a program.
  let running = try Running(
    [program.path, scenario] + arguments, keepsInputOpen: true,
    environment: ["SWIFT_BACKTRACE": "enable=no"], directory: directory?.path)
  if let ready {
    try running.wait(for: "readiness") { $0.text.contains("ready=true\n") }
    try ready()
  }
  running.closeInput()
  let outcome = try running.wait()
  let lines = outcome.output.split(separator: "\n").compactMap {
    line -> (key: String, value: String)? in
    let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
  }
  return ProbeRun(lines: lines, output: outcome.output, signal: outcome.signal)
}
