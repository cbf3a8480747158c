// What a player sees: the box's effects as text, and what the box shows of itself.
import Box
import BoxAPI
import Plan

extension Player {
  // MARK: - What the box shows

  func look(_ words: [String]) -> String? {
    let shown = box.snapshot(over: BoxSnapshot(time: Timestamp(nanoseconds: now)))
    let expected = words.dropFirst(2).joined(separator: " ")
    let found: String
    switch words[1] {
    case "state": found = shown.state.rawValue
    case "job": found = shown.job?.name ?? "none"
    case "resumed": found = "\(shown.job?.resumed ?? 0)"
    case "rate": found = "\(Int(shown.job?.progress?.rate ?? 0))"
    case "cooling": found = shown.cooling.map(\.name).joined(separator: " ")
    case "queue": found = shown.queue.map { "\($0.name):\($0.state)" }.joined(separator: " ")
    case "queued": found = "\(shown.jobsQueued)"
    case "arriving": found = "\(shown.filesArriving)"
    case "ignored": found = shown.filesIgnored.joined(separator: " ")
    case "problems": found = "\(shown.problems.count)"
    case "problem":
      return shown.problems.contains { $0.contains(expected) } ? nil : "found \(shown.problems)"
    case "scope": found = shown.scopeSHA256
    case "count":
      guard let counter = Counter.allCases.first(where: { $0.definition.name == words[2] }) else {
        preconditionFailure("no such counter: \(words)")
      }
      found = "\(words[2]) \(shown.counters[counter])"
    default: preconditionFailure("nothing such to look at: \(words)")
    }
    return found == expected ? nil : "expected \(expected), found \(found)"
  }

  // MARK: - Effects

  static func text(_ effect: Effect) -> String {
    switch effect {
    case .spool(let request): text(request)
    case .check(let file): "check \(file.name)"
    case .prepare(let name): "prepare \(name)"
    case .start(let name, let slot): "start \(name) \(slot)"
    case .stop(let name, let reason): "stop \(name) \(reason)"
    case .settle(let name, .finish): "finish \(name)"
    case .settle(let name, .reject): "reject \(name)"
    case .settle(let name, .cancel): "cancel \(name)"
    case .settle(let name, .suspend(let reason)): "suspend \(name) \(reason)"
    case .disk(.remove(let name)): "delete \(name)"
    case .disk(.measure): "measure"
    case .disk(.listFetched): "fetched"
    case .probeStorage: "probe"
    case .gate(.open): "open"
    case .gate(.closed): "close"
    case .reload: "reload"
    case .publish: "publish"
    case .log(let entry): "log \(entry.message)"
    case .exit(.signal(let signal)): "exit \(signal)"
    case .exit(.fault): "exit fault"
    }
  }

  private static func text(_ request: SpoolRequest) -> String {
    switch request {
    case .recover(let names, let inProcess):
      (["recover"] + (inProcess ? ["again"] : []) + names).joined(separator: " ")
    case .list: "list"
    case .claim(let file): "claim \(file.name)"
    case .rejectFile(let file, _): "rejectfile \(file.name)"
    case .rejectUnusable(let name): "rejectname \(name)"
    case .cancelFile(let file): "cancelfile \(file.name)"
    case .remove(let cancellation): "remove \(cancellation.file)"
    case .dismiss(let cancellation): "dismiss \(cancellation.file)"
    }
  }
}
