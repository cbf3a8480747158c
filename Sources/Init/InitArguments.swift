// The arguments that the kernel passes to PID 1 (Documentation/admin-guide/kernel-parameters.rst).

/// PID 1's arguments: unknown parameters of the kernel's command line, then everything after `--`.
public struct InitArguments: Hashable, Sendable {
  /// Parameters that the kernel does not know.
  public let kernelParameters: [String]
  /// The arguments from `init` on; all arguments if there is no `init`.
  public let arguments: [String]

  /// - Parameter words: The arguments without the program's name.
  public init(_ words: some Collection<String>) {
    let words = Array(words)
    let start = words.firstIndex(of: "init") ?? 0
    kernelParameters = Array(words[..<start])
    arguments = Array(words[start...])
  }
}
