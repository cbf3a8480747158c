// `benchmark micro`.
import ArgumentParser

struct MicroCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "micro",
    abstract: "Measure stamping, the receive program, the permutation, parsing and filling.")

  @Flag(help: "Print JSON: {name: {\"value\": x, \"unit\": \"…\"}}.")
  var json = false

  func run() {
    var report = Report()
    measureStamping(&report)
    measureInstructions(&report)
    measureReceiving(&report)
    measurePermutation(&report)
    measureFilling(&report)
    measureParsing(&report)
    print(json ? report.json : report.text)
  }
}
