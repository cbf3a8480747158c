// What the kernel hands its first process: parameters of its command line that it does not know, then what stands
// behind `--` (Documentation/admin-guide/kernel-parameters.rst).

public struct InitArguments: Hashable, Sendable {
  /// Words that were meant for the kernel.
  public let unknown: [String]
  /// From `init` on; all there are where that word is missing.
  public let own: [String]

  /// - Parameter words: without the program's name.
  public init(_ words: some Collection<String>) {
    let words = Array(words)
    let start = words.firstIndex(of: "init") ?? 0
    unknown = Array(words[..<start])
    own = Array(words[start...])
  }
}
