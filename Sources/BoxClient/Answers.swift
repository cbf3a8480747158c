// What the API answers, and how the client shows it to people.
import Support

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A job, as the API describes it. Members that it lacks are nil; members that are not known are ignored.
public struct RemoteJob: Hashable, Sendable, Decodable {
  public var name: String
  public var state: String
  public var owner: String?
  public var priority: Int?
  public var progress: Double?
  public var secondsRemaining: Double?
  public var rate: Double?
  public var results: UInt64?
  public var ended: String?
  public var endedBecause: String?
  public var fetched: Bool?
  public var reason: String?
  public var files: [File]?

  public struct File: Hashable, Sendable, Decodable {
    public var name: String
    public var bytes: UInt64
  }

  enum CodingKeys: String, CodingKey {
    case name, state, owner, priority, progress
    case secondsRemaining = "seconds_remaining"
    case rate = "rate_pps"
    case results, ended
    case endedBecause = "ended_because"
    case fetched, reason, files
  }

  public var hasEnded: Bool { state == "finished" || state == "rejected" }
}

public struct RemoteJobs: Hashable, Sendable, Decodable {
  public var jobs: [RemoteJob]
  public var total: Int
}

public enum Answer {
  /// Reads an answer; nil if it is not of that form.
  public static func read<Value: Decodable>(_ type: Value.Type, _ body: [UInt8]) -> Value? {
    try? JSONDecoder().decode(type, from: Data(body))
  }

  /// Whether a file that the box names may be created under that name in a directory of the user's.
  public static func isSafe(fileName name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 255 && !name.hasPrefix(".") && !name.contains("/")
      && name.unicodeScalars.allSatisfy(Escaping.isVisible)
  }
}

extension RemoteJob {
  /// How far it is, or how it ended.
  public var account: String {
    switch state {
    case "finished":
      var parts = ["\(results ?? 0) results"]
      if let endedBecause, endedBecause != "done" { parts.append(endedBecause) }
      if fetched == true { parts.append("fetched") }
      return parts.joined(separator: ", ")
    case "rejected": return reason ?? ""
    default:
      guard let progress, progress.isFinite else { return "" }
      var text = "\(Int(min(max(progress, 0), 1) * 100)) %"
      if let results { text += ", \(results) results" }
      if let seconds = secondsRemaining, seconds.isFinite, seconds >= 0, seconds < 1e12 {
        text += ", \(Int(seconds.rounded(.up))) s remaining"
      }
      return text
    }
  }
}

extension RemoteJobs {
  /// A table: one line for each job, its columns aligned, everything escaped.
  public var text: String {
    guard !jobs.isEmpty else { return "no jobs\n" }
    let rows = jobs.map { job in
      [job.name, job.state, job.ended ?? "", job.owner ?? "", job.account].map(Escaping.visible)
    }
    let all = [["NAME", "STATE", "ENDED", "OWNER", ""]] + rows
    let widths = (0..<4).map { column in all.map { $0[column].unicodeScalars.count }.max() ?? 0 }
    var text = ""
    for row in all {
      var line = ""
      for (column, cell) in row.enumerated() {
        let isLast = column == row.count - 1
        line += cell
        if !isLast {
          line += String(repeating: " ", count: widths[column] - cell.unicodeScalars.count + 2)
        }
      }
      while line.last == " " { line.removeLast() }
      text += line + "\n"
    }
    if total > jobs.count { text += "and \(total - jobs.count) more\n" }
    return text
  }
}
