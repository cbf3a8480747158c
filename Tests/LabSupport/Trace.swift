// What system calls a program makes, by strace(1).
import Foundation

/// A call as the kernel sees it.
public struct TracedCall: Hashable, Sendable, CustomStringConvertible {
  public let name: String
  public let arguments: [UInt64]

  /// `name(0x1, 0)` and more of a line; nil for what is no beginning of a call.
  init?(_ text: Substring) {
    guard let parenthesis = text.firstIndex(of: "(") else { return nil }
    let name = text[..<parenthesis]
    guard !name.isEmpty, name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }) else {
      return nil
    }
    let rest = text[parenthesis...].dropFirst().prefix { $0 != ")" && $0 != "<" }
    self.name = String(name)
    arguments = rest.split(separator: ",").compactMap { word in
      let word = word.trimmingCharacters(in: .whitespaces)
      return word.hasPrefix("0x") ? UInt64(word.dropFirst(2), radix: 16) : UInt64(word)
    }
  }

  public var description: String {
    "\(name)(\(arguments.map { "0x" + String($0, radix: 16) }.joined(separator: ", ")))"
  }
}

/// The record of one program's calls. The program keeps its number and its parent: the tracer stands beside it.
public struct Trace: Sendable {
  private let file: String
  /// What stands before the program's own arguments.
  public var prefix: [String] { ["strace", "-D", "-f", "-q", "-e", "raw=all", "-o", file] }

  public init(file: String) { self.file = file }

  /// The calls of all threads from the moment on at which the first one put its filter in force. Waits until the
  /// tracer has seen the program's end.
  public func callsAfterTheFilter() throws -> Set<TracedCall> {
    let deadline = Date(timeIntervalSinceNow: 20)
    var lines: [Substring]
    repeat {
      usleep(20_000)
      let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
      lines = text.split(separator: "\n")
      guard Date() < deadline else { throw LabError("the tracer saw no end: \(lines.suffix(3))") }
    } while !Self.hasEnded(lines)
    // 1: SECCOMP_SET_MODE_FILTER; libseccomp tries out what the kernel knows with the same call, which fails.
    let filter = lines.lastIndex { $0.contains(" seccomp(0x1,") && $0.hasSuffix(" = 0") }
    guard let filter else { throw LabError("no filter was put in force: \(lines.suffix(3))") }
    return Set(
      lines[filter...].dropFirst().compactMap { line in
        TracedCall(line.drop { $0.isNumber }.drop { $0 == " " })
      })
  }

  /// The last thread's end is the program's.
  private static func hasEnded(_ lines: [Substring]) -> Bool {
    guard let program = lines.first?.prefix(while: \.isNumber) else { return false }
    return lines.contains { $0.hasPrefix("\(program) ") && $0.contains(" +++ ") }
  }
}

/// The record of the calls of one program's threads, by the threads' names.
public struct ThreadTrace: Sendable {
  private let file: String
  /// What stands before the program's own arguments.
  public var prefix: [String] { ["strace", "-D", "-f", "-q", "-o", file] }

  public init(file: String) { self.file = file }

  /// The names of the calls that the threads of this name made from their first wait on until their last one: without
  /// those of starting and ending a thread.
  public func calls(ofThread name: String, waitingBy wait: String) throws -> Set<String> {
    // For each thread its calls, and those since its last wait.
    var threads: [Substring: (calls: Set<String>, since: Set<String>)] = [:]
    for line in try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n") {
      let thread = line.prefix(while: \.isNumber)
      if line.contains("prctl(PR_SET_NAME, \"\(name)\"") {
        threads[thread] = ([], [])
      } else if var known = threads[thread], let call = line.firstMatch(of: /^\d+ +(\w+)\(/) {
        let name = String(call.output.1)
        if name == wait {
          known.calls.formUnion(known.since.union([name]))
          known.since = []
        } else if !known.calls.isEmpty {
          known.since.insert(name)
        }
        threads[thread] = known
      }
    }
    guard !threads.isEmpty else { throw LabError("no thread is called \(name)") }
    return threads.values.reduce(into: []) { $0.formUnion($1.calls) }
  }
}
