// Programs that tests run, and their results.
import Foundation

/// A failed set-up, in a sentence.
public struct LabError: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// Deadlines are chosen for an idle machine, and are this many times longer, because a busy one is slower.
public let patience = 4.0

/// A finished program.
public struct Outcome: Sendable {
  /// The exit status, or 128 plus the number of the signal that ended it, as shells have it.
  public let status: Int32
  /// The signal that ended it, if one did.
  public let signal: Int32?
  public let outputBytes: Data
  public let output: String
  public let errors: String
  /// Lines of the output without the last, empty one.
  public var lines: [String] { output.split(separator: "\n").map(String.init) }
}

/// A program that runs beside the test. Killed when it goes out of scope.
public final class Running: Sendable {
  private let child: Child
  private let arguments: [String]

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - arguments: the program, looked up in `PATH` unless it is a path, and its arguments.
  ///   - input: what it reads from standard input; without, it reads an empty one.
  ///   - keepsInputOpen: leaves standard input open until `closeInput()`.
  ///   - environment: added to this process's own.
  /// - Throws: `LabError` if the program cannot be started.
  public init(
    _ arguments: [String], input: Data? = nil, keepsInputOpen: Bool = false,
    environment: [String: String] = [:], directory: String? = nil
  ) throws {
    self.arguments = arguments
    let change = directory.map { ["env", "--chdir", $0] } ?? []
    child = try Child(
      change + arguments, input: input != nil || keepsInputOpen, environment: environment)
    if let input { child.write(input) }
  }

  deinit {
    child.signal(SIGKILL)
    child.closeInput()
  }

  /// The program's own: `ip netns exec` and `env` replace themselves by it.
  public var pid: Int32 { child.pid }
  public var isRunning: Bool { child.endStatus == nil }
  public var text: String { String(decoding: child.outputSoFar, as: UTF8.self) }
  public var errorText: String { String(decoding: child.errorsSoFar, as: UTF8.self) }

  public func signal(_ number: Int32) { child.signal(number) }

  public func closeInput() { child.closeInput() }

  /// Waits for the end. Kills a program that has not ended after `seconds`, and throws.
  public func wait(seconds: Double = 60) throws -> Outcome {
    guard child.waitForEnd(seconds: seconds * patience), let status = child.endStatus else {
      child.signal(SIGKILL)
      _ = child.waitForEnd(seconds: 10)
      throw LabError("did not end within \(seconds * patience) s: \(arguments)\n\(errorText)")
    }
    // The layout of wait(2)'s status: the low seven bits are the signal.
    let signal = status & 0x7f
    return Outcome(
      status: signal == 0 ? status >> 8 & 0xff : 128 + signal, signal: signal == 0 ? nil : signal,
      outputBytes: child.outputSoFar, output: text, errors: errorText)
  }

  /// Waits until `condition` holds for what was printed so far.
  public func wait(
    for what: String, seconds: Double = 20, _ condition: (Running) -> Bool
  ) throws {
    var hasEnded = false
    let isTrue = child.wait(until: Date(timeIntervalSinceNow: seconds * patience)) {
      // Looked at first: what the program printed at its end still counts.
      hasEnded = !isRunning
      if hasEnded { _ = child.waitForEnd(seconds: 0, grace: 1) }
      return condition(self) || hasEnded
    }
    guard isTrue && (!hasEnded || condition(self)) else {
      throw LabError("no \(what) from \(arguments): \(text)\(errorText)")
    }
  }
}

/// Runs a program to its end.
@discardableResult
public func run(
  _ arguments: [String], input: Data? = nil, environment: [String: String] = [:],
  directory: String? = nil, seconds: Double = 60
) throws -> Outcome {
  try Running(arguments, input: input, environment: environment, directory: directory)
    .wait(seconds: seconds)
}

/// Runs a program that must succeed.
@discardableResult
public func mustRun(_ arguments: [String], input: Data? = nil, seconds: Double = 60) throws -> Outcome {
  let outcome = try run(arguments, input: input, seconds: seconds)
  guard outcome.status == 0 else {
    throw LabError("\(arguments) failed with status \(outcome.status): \(outcome.errors)")
  }
  return outcome
}
