// The upper bound that transmitters are compared with: one constant frame through the generator's kernel path.
import Kernel
import Wire

/// Sends one constant frame as fast as possible, for benchmarks. Entry, counting and retries are the generator's.
public struct Flood {
  private let generator: Generator
  public let processor: Int

  /// - Parameter processor: the one that the sending thread is pinned to.
  public init(interface: Int32, name: String, receiver: any Receiver, processor: Int) throws(Fault) {
    generator = try Generator(
      interface: interface, name: name, receiver: receiver, rings: 1, sources: 1, nextHops: 1,
      floods: true)
    self.processor = processor
  }

  /// Sends `frame` `count` times from the calling thread, in batches as large as the generator's.
  public func send(_ frame: [UInt8], count: Int) throws(Fault) {
    var ring = GeneratorRing(
      generator.program, number: 0, processor: processor, entry: generator.entry)
    generator.program.setTemplate(0, frame: frame)
    var remaining = count
    do throws(Errno) {
      while remaining > 0 {
        ring.append(constantFrames: min(remaining, 4096) - ring.waiting)
        remaining -= try ring.run(limit: 4096, frameLength: frame.count).sent.total
      }
    } catch {
      throw Fault("cannot flood", cause: error)
    }
  }
}
