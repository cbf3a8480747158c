import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .alone, .timeLimit(.minutes(10))) struct `The steady state of a scan` {
  /// Measured in the release build, because the debug build allocates more.
  @Test func `allocates nothing in the loops that send and receive`() throws {
    try #require(
      FileManager.default.isExecutableFile(atPath: Lab.benchmark),
      "there is no build/benchmark: run `make benchmark` first, or `make test`")
    let outcome = try run([Lab.benchmark, "allocations", "--json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let counts = try JSON.object(outcome.output).mapValues { entry in
      ((entry as? [String: Any])?["value"] as? NSNumber)?.intValue
    }
    #expect(
      counts == [
        "fill": 0, "generator_send": 0, "packet_send": 0, "xdp_copy_send": 0, "xdp_native_receive": 0,
        "packet_receive": 0,
      ])
  }
}
