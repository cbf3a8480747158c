// `benchmark micro`.
import ArgumentParser

struct MicroCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "micro",
    abstract: "Measure stamping, receiving, choosing targets, reading them, and dedupe.")

  @Flag(help: "Print JSON: {name: {\"value\": x, \"unit\": \"…\"}}.")
  var json = false

  func run() {
    var report = Report()
    // First, while the heap holds nothing that it could use.
    measureDeduping(&report)
    measureStamping(&report)
    measureInstructions(&report)
    measureReceiving(&report)
    measurePermutation(&report)
    measureFilling(&report)
    measureParsing(&report)
    print(json ? report.json : report.text)
  }
}
