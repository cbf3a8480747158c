// Runs one scenario in a process of its own, because a drop is irreversible. Prints lines of the form `key=value`;
// `fault=` is the message of a Fault. The tests judge the output.
import Kernel

/// Prints a fact for the test, unbuffered, because the next call may end the process.
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
