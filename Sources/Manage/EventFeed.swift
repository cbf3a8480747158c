// Server-sent events: what clients hear of changes.

/// Turns the jobs that the service sees into events.
public struct EventFeed: Sendable {
  private var states: [String: ListedJob.State]?

  public init() {}

  /// Returns an event for each job whose state has changed since the last call; none the first time.
  public mutating func changes(_ jobs: [ListedJob]) -> [[UInt8]] {
    let before = states
    states = Dictionary(jobs.map { ($0.name, $0.state) }) { first, _ in first }
    guard let before else { return [] }
    return jobs.filter { before[$0.name] != $0.state }.map {
      Self.event("job", data: JSONText.line($0))
    }
  }

  /// - Parameter data: JSON.
  public static func event(_ name: String, data: [UInt8]) -> [UInt8] {
    Array("event: \(name)\ndata: ".utf8) + JSONText.onOneLine(data) + Array("\n\n".utf8)
  }

  /// Keeps connections through proxies open.
  public static let comment = Array(":\n\n".utf8)
}

/// What one client has yet to be sent: bounded, because a client may not read.
public struct EventQueue: Sendable {
  /// Bytes of job events.
  static let capacity = 1 << 16
  private var status: [UInt8]?
  private var jobs: [UInt8] = []
  /// Whether job events were dropped.
  private var isOverrun = false

  public init() {}

  public var isEmpty: Bool { status == nil && jobs.isEmpty && !isOverrun }

  /// Replaces a status that was not sent.
  public mutating func add(status event: [UInt8]) { status = event }

  public mutating func add(job event: [UInt8]) {
    if jobs.count + event.count > Self.capacity { isOverrun = true } else { jobs += event }
  }

  /// Returns all there is to send.
  public mutating func take() -> [UInt8] {
    defer { self = EventQueue() }
    let lost = isOverrun ? EventFeed.event("overrun", data: Array("{}".utf8)) : []
    return jobs + lost + (status ?? [])
  }
}
