// What a service says when it refuses (RFC 9457), and how the client shows it.
import Support

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A refused request. Its text comes from the other side, so that every use of it for a terminal is escaped.
public struct ProblemDetails: Error, Hashable, Sendable, CustomStringConvertible {
  /// The status code of the answer, whatever the body says.
  public let status: Int
  public let title: String
  public let detail: String
  public let mistakes: [Mistake]

  /// A mistake in a target file.
  public struct Mistake: Hashable, Sendable, Decodable {
    public let line: Int?
    public let column: Int?
    public let found: String?
    public let expected: String?
  }

  private struct Body: Decodable {
    let title: String?
    let detail: String?
    let mistakes: [Mistake]?
  }

  /// Reads the body of an answer; one that is no problem detail gives the status code alone.
  public init(status: Int, body: [UInt8]) {
    self.status = status
    let body = try? JSONDecoder().decode(Body.self, from: Data(body))
    title = body?.title ?? ""
    detail = body?.detail ?? ""
    mistakes = body?.mistakes ?? []
  }

  /// The exit code: 2 for wrong input, 1 for all else.
  public var exitCode: Int32 { status == 400 || status == 413 || status == 415 ? 2 : 1 }

  /// One line for each mistake, or what went wrong and what to do.
  public var description: String { text(file: "") }

  /// - Parameter file: the name that precedes the place of a mistake.
  public func text(file: String) -> String {
    guard mistakes.isEmpty else {
      return mistakes.map { mistake in
        var place = Escaping.visible(file)
        if let line = mistake.line { place += ":\(line)" }
        if let column = mistake.column { place += ":\(column)" }
        let found = Escaping.visible(mistake.found ?? "a mistake")
        return "\(place): found \(found)"
          + (mistake.expected.map { ", expected \(Escaping.visible($0))" } ?? "")
      }.joined(separator: "\n")
    }
    let parts = [title, detail].filter { !$0.isEmpty }.map(Escaping.visible)
    return parts.isEmpty ? "the box refused with status \(status)" : parts.joined(separator: ": ")
  }
}
