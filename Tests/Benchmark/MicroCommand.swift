// `benchmark micro`.
import ArgumentParser

struct MicroCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "micro",
    abstract: "Measure stamping, receiving, target selection, parsing and dedupe.")

  @Flag(help: "Print JSON: {name: {\"value\": x, \"unit\": \"…\"}}.")
  var json = false

  func run() {
    var report = Report()
    // First, while the heap has no free memory that the table could reuse.
    measureDeduping(&report)
    measureStamping(&report)
    measureInstructions(&report)
    measureReceiving(&report)
    measureChecking(&report)
    measurePermutation(&report)
    measureFilling(&report)
    measureParsing(&report)
    print(json ? report.json : report.text)
  }
}
