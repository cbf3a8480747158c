// libFuzzer on one target: `fuzz --target=NAME [libFuzzer's options] [corpus or file …]`. `make fuzz` builds and
// runs it; docs/design/testing.md says how to replay what it found. The main function is libFuzzer's.
import CFuzz
import FuzzTargets
import Kernel

/// The target that was asked for. libFuzzer passes over options that begin with two dashes.
private let chosen: FuzzTarget? = {
  let prefix = "--target="
  let name = CommandLine.arguments.first { $0.hasPrefix(prefix) }?.dropFirst(prefix.count)
  return FuzzTarget.all.first { $0.name == name ?? "" }
}()

/// Before the first input. With `--list` the targets are printed: the name, the bytes of the longest input,
/// whether leaks are looked for.
@c(synbox_fuzz_start)
func start() {
  if CommandLine.arguments.contains("--list") {
    for target in FuzzTarget.all {
      Terminal.output("\(target.name) \(target.maximumLength) \(target.frees ? 1 : 0)\n")
    }
    endProcess(0)
  }
  guard chosen == nil else { return }
  let names = FuzzTarget.all.map(\.name).joined(separator: ", ")
  Terminal.error("fuzz: expected --target= with one of \(names)\n")
  endProcess(2)
}

/// Does not return if something does not hold: libFuzzer then keeps the input.
@c(synbox_fuzz_one)
func runOne() {
  let input = (0..<cfuzz_length()).map { cfuzz_byte($0) }
  do {
    try chosen?.run(input)
  } catch {
    fatalError("\(chosen?.name ?? ""): \(error)")
  }
}
