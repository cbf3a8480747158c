// Programs that tests run, and what became of them.
import Foundation

/// A sentence that a failed set-up leaves behind.
public struct LabError: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// A finished program.
public struct Outcome: Sendable {
  public let status: Int32
  public let output: String
  public let errors: String
  /// Lines of the output without the last, empty one.
  public var lines: [String] { output.split(separator: "\n").map(String.init) }
}

/// A program that runs beside the test. Ended, by its number, when it goes out of scope.
public final class Running: @unchecked Sendable {
  private let process = Process()
  private let output = Collected()
  private let errors = Collected()

  public init(_ arguments: [String], input: Data? = nil) throws {
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    output.collect(from: &process.standardOutput)
    errors.collect(from: &process.standardError)
    let pipe = Pipe()
    process.standardInput = input == nil ? FileHandle.nullDevice : pipe
    try Self.withSignalsUnblocked { [process] in try process.run() }
    if let input {
      pipe.fileHandleForWriting.write(input)
      try pipe.fileHandleForWriting.close()
    }
  }

  /// Tests run on Dispatch's threads, which block signals, and a program inherits that: one that does not
  /// unblock them itself, such as tcpdump, could not be ended by SIGTERM.
  private static func withSignalsUnblocked(_ body: () throws -> Void) rethrows {
    var all = sigset_t()
    var before = sigset_t()
    unsafe sigfillset(&all)
    unsafe pthread_sigmask(SIG_UNBLOCK, &all, &before)
    defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
    try body()
  }

  deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

  /// Of the program itself: `ip netns exec` and `env` replace themselves by it.
  public var pid: Int32 { process.processIdentifier }
  public var isRunning: Bool { process.isRunning }
  public var text: String { output.text }
  public var errorText: String { errors.text }

  public func signal(_ number: Int32) { kill(pid, number) }

  /// Waits for the end; a program that has not ended after `seconds` is killed, and that is an error.
  public func wait(seconds: Double = 60) throws -> Outcome {
    let deadline = Date(timeIntervalSinceNow: seconds)
    while process.isRunning {
      guard Date() < deadline else {
        kill(pid, SIGKILL)
        process.waitUntilExit()
        throw LabError("did not end within \(seconds) s: \(process.arguments ?? [])\n\(errors.text)")
      }
      usleep(5_000)
    }
    let status =
      process.terminationReason == .exit
      ? process.terminationStatus : 128 + process.terminationStatus
    return Outcome(status: status, output: output.finished(), errors: errors.finished())
  }

  /// Waits until `condition` holds for what was printed so far.
  public func wait(
    for what: String, seconds: Double = 20, _ condition: (Running) -> Bool
  ) throws {
    let deadline = Date(timeIntervalSinceNow: seconds)
    while !condition(self) {
      guard process.isRunning, Date() < deadline else {
        throw LabError("no \(what) from \(process.arguments ?? []): \(text)\(errorText)")
      }
      usleep(5_000)
    }
  }
}

/// Runs a program to its end.
@discardableResult
public func run(_ arguments: [String], input: Data? = nil, seconds: Double = 60) throws -> Outcome {
  try Running(arguments, input: input).wait(seconds: seconds)
}

/// What comes out of a pipe, read as it comes, so that the writer never waits.
private final class Collected: @unchecked Sendable {
  private let lock = NSLock()
  private var data = Data()
  private let ended = DispatchSemaphore(value: 0)

  func collect(from stream: inout Any?) {
    let pipe = Pipe()
    stream = pipe
    let handle = pipe.fileHandleForReading
    Thread.detachNewThread { [self] in
      while true {
        let chunk = handle.availableData
        if chunk.isEmpty { break }
        lock.withLock { data.append(chunk) }
      }
      ended.signal()
    }
  }

  var text: String { lock.withLock { String(decoding: data, as: UTF8.self) } }

  /// All of it, once the writer has closed its end.
  func finished() -> String {
    _ = ended.wait(timeout: .now() + 5)
    return text
  }
}
