// The seed of the random tests of one run.
import Foundation

/// Seeds for random tests. One number repeats a whole run: it is printed before the first test uses it, and
/// `SYNBOX_SEED` sets it.
public enum Seed {
  /// The seed of this run: `SYNBOX_SEED`, or a new one.
  public static let ofThisRun: UInt64 = {
    let given = ProcessInfo.processInfo.environment["SYNBOX_SEED"]
    let seed = given.map { text in
      guard let seed = UInt64(text) else {
        preconditionFailure("SYNBOX_SEED=\(text): expected a number from 0 to \(UInt64.max)")
      }
      return seed
    }
    let used = seed ?? .random(in: .min ... .max)
    // Standard error is not buffered, so the line survives a crash.
    FileHandle.standardError.write(Data("random tests: SYNBOX_SEED=\(used) repeats this run\n".utf8))
    return used
  }()

  /// The seed of one test: the run's, mixed with the test's name, so that it does not depend on the order of tests.
  public static func next(_ test: String = #function) -> UInt64 {
    // FNV-1a.
    let name = test.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01b3
    }
    var generator = SeededGenerator(ofThisRun ^ name)
    return generator.next()
  }
}
