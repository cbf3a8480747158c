// libFuzzer for one target: `fuzz --target=NAME [libFuzzer's options] [corpus or file …]`. `make fuzz` builds and
// runs it; docs/design/testing.md describes how to replay its findings. libFuzzer provides the main function.
import CFuzz
import FuzzTargets
import Kernel

/// The requested target. libFuzzer ignores options that start with two dashes.
private let chosen: FuzzTarget? = {
  let prefix = "--target="
  let name = CommandLine.arguments.first { $0.hasPrefix(prefix) }?.dropFirst(prefix.count)
  return FuzzTarget.all.first { $0.name == name ?? "" }
}()

/// Runs before the first input. `--list` prints the targets: name and longest input in bytes.
@c(synbox_fuzz_start)
func start() {
  if CommandLine.arguments.contains("--list") {
    for target in FuzzTarget.all {
      Terminal.output("\(target.name) \(target.maximumLength)\n")
    }
    endProcess(0)
  }
  guard chosen == nil else { return }
  let names = FuzzTarget.all.map(\.name).joined(separator: ", ")
  Terminal.error("fuzz: expected --target= with one of \(names)\n")
  endProcess(2)
}

/// Runs one input. Traps if a requirement does not hold, so that libFuzzer keeps the input.
@c(synbox_fuzz_one)
func runOne() {
  let input = (0..<cfuzz_length()).map { cfuzz_byte($0) }
  do {
    try chosen?.run(input)
  } catch {
    fatalError("\(chosen?.name ?? ""): \(error)")
  }
}
