// `make fleet` with real programs, and the system calls that an agent makes in it, against its table.
import Confinement
import FleetHost
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .alone, .timeLimit(.minutes(10))) struct `A fleet in labs` {
  private static let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appending(path: "../../docs/design/fleet.md")

  @Test func `has the agent's system calls on its design page`() throws {
    let page = try String(contentsOf: Self.page, encoding: .utf8)
    let marks = (start: "<!-- system calls -->\n", end: "<!-- end -->")
    let start = try #require(page.firstRange(of: marks.start))
    let end = try #require(page[start.upperBound...].firstRange(of: marks.end))
    let table = SystemCallTable.document(of: AgentSystemCalls.rules(inProcess: 0))
    let expected = "\(page[..<start.upperBound])\n\(table)\n\(page[end.lowerBound...])"
    if ProcessInfo.processInfo.environment["SYNBOX_WRITE_REFERENCE"] != nil {
      try Data(expected.utf8).write(to: Self.page)
    } else {
      #expect(page == expected, "`make reference` writes the page again")
    }
  }

  @Test func `gives the result of one box, and an agent makes the listed system calls alone`() throws {
    let file = URL(fileURLWithPath: try Lab.temporaryDirectory()).appending(path: "trace").path
    let namespaces = try run(["ip", "netns", "list"]).lines
    let demonstration = try run(
      ["env", "SYNBOX_FLEET_TRACE=\(file)", "\(Lab.root)/netconfig/fleet"], seconds: 400)
    try #require(demonstration.status == 0, "\(demonstration.output)\(demonstration.errors)")
    #expect(demonstration.output.contains("is killed"))
    #expect(
      demonstration.output.contains("all 65536 results match the target nodes' rule, each once"))
    #expect(try run(["ip", "netns", "list"]).lines == namespaces, "it leaves nothing behind")
    #expect(try run(["pgrep", "-f", "\(Lab.root)/build/fleet/"]).output.isEmpty)

    let calls = try Trace(file: file).callsAfterTheFilter()
    let rules = AgentSystemCalls.rules(inProcess: 0)
    func unlisted(_ rules: [SystemCallRule]) -> Set<TracedCall> {
      calls.filter { call in !rules.contains { $0.matches(call.name, call.arguments) } }
    }
    #expect(unlisted(rules).isEmpty, "not on the list: \(unlisted(rules))")
    for rule in rules where rule.use == .everyday {
      #expect(
        calls.contains { rule.matches($0.name, $0.arguments) },
        "nothing makes \(rule.name) \(rule.condition)")
      // The check can fail.
      #expect(!unlisted(rules.filter { $0.name != rule.name }).isEmpty, "\(rule.name)")
    }
  }
}
