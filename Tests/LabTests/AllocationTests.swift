import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .alone, .timeLimit(.minutes(10))) struct `Once it runs` {
  /// Counted in the release build, for the debug build allocates where the product does not.
  @Test func `no loop that sends or receives allocates`() throws {
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
