// The limit that transmitters are compared with: one constant frame through the generator's kernel path.
import Kernel
import Wire

/// For benchmarks. Unpaced, and nothing that is refused is sent again.
public final class Flood: Sendable {
  private let object: BPFObject
  private let link: XDPLink
  private let program: Int32

  /// Loads and attaches the program, for the reason that `Generator` gives.
  public init(interface: Int32) throws(Fault) {
    let object = try BPFObject(.flood)
    try object.setReadOnlyData(Contract.generatorSettings(interface: interface))
    try object.load()
    program = try object.program("flood")
    do throws(Errno) {
      link = try XDPLink(program: program, interface: interface, mode: .native)
    } catch {
      throw Fault("cannot attach the flood to interface \(interface)", cause: error)
    }
    self.object = object
  }

  /// Sends `frame` `count` times from this thread.
  public func send(_ frame: [UInt8], count: Int) throws(Fault) {
    var left = count
    while left > 0 {
      // As many in a call as the generator makes.
      let run = min(left, 4096)
      do throws(Errno) {
        try runLiveFrames(program: program, frame: frame, count: run)
      } catch {
        throw Fault("cannot flood", cause: error)
      }
      left -= run
    }
  }
}
