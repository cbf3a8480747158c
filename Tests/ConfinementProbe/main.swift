// Runs one named scenario in a process of its own, for a drop cannot be taken back. Every line it prints
// is `key=value`; `fault=` is the sentence of a Fault. The tests judge, this only reports.
import Kernel

/// One fact for the test; at once, for the next call may be the last.
func say(_ key: String, _ value: some CustomStringConvertible) {
  Terminal.output("\(key)=\(value)\n")
}

let arguments = Array(CommandLine.arguments.dropFirst())
guard let name = arguments.first, let scenario = scenarios[name] else {
  say("fault", "scenarios: \(scenarios.keys.sorted().joined(separator: " "))")
  fatalError("no such scenario")
}
do throws(Fault) {
  try scenario(Array(arguments.dropFirst()))
  say("end", name)
} catch {
  say("fault", error)
}
