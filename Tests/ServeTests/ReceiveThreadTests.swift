// The receive thread of a box makes just the system calls that docs/design/threads.md lists.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .alone, .timeLimit(.minutes(5))) struct `The receive thread` {
  /// 300,000 replies a second, as far as the tracer lets the box be so fast.
  @Test func `only waits for replies and wakes its consumers`() throws {
    let lab = try ServeLab()
    let trace = ThreadTrace(file: lab.url("threads.trace").path)
    let box = try lab.serve(
      lab.configure("rate = \"600k\"\ncooldown-time = 2\n"), under: trace.prefix)
    try lab.drop("wide.txt", "198.18.0.0/15:1-20\n")
    try lab.wait("the results", seconds: 120) { lab.exists("data/results/wide.txt") }
    let summary = try lab.json("data/results/wide.txt/summary.json")
    #expect(summary["events_lost"] as? Int == 0)
    #expect(try box.end(SIGTERM).status == 143)
    let calls = try trace.calls(ofThread: "receive", waitingBy: "poll")
    let documented = try Self.documented()
    #expect(calls == documented, "\(calls.symmetricDifference(documented).sorted())")
  }

  /// The calls in the table of docs/design/threads.md.
  private static func documented() throws -> Set<String> {
    let page = try String(contentsOfFile: "docs/design/threads.md", encoding: .utf8)
    guard let start = page.range(of: "## What the receive thread calls") else {
      throw LabError("docs/design/threads.md has no table of calls")
    }
    let rows = page[start.upperBound...].split(separator: "\n").filter { $0.hasPrefix("| `") }
    return Set(
      rows.flatMap {
        $0.dropFirst(2).prefix { $0 != "|" }.matches(of: /`(\w+)`/).map { String($0.output.1) }
      })
  }
}
