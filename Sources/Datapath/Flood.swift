// The limit that transmitters are compared with: one constant frame through the generator's kernel path.
import Kernel
import Wire

/// For benchmarks. Unpaced; the way in, the counting and the sending again are the generator's.
public struct Flood {
  private let generator: Generator
  public let processor: Int

  /// - Parameter processor: the one that the calling thread is pinned to when it sends.
  public init(interface: Int32, name: String, receiver: any Receiver, processor: Int) throws(Fault) {
    generator = try Generator(
      interface: interface, name: name, receiver: receiver, rings: 1, sources: 1, nextHops: 1,
      floods: true)
    self.processor = processor
  }

  /// Sends `frame` `count` times from this thread, as many in a call as the generator makes.
  public func send(_ frame: [UInt8], count: Int) throws(Fault) {
    var ring = GeneratorRing(
      generator.program, number: 0, processor: processor, entry: generator.entry)
    generator.program.setTemplate(0, frame: frame)
    var left = count
    do throws(Errno) {
      while left > 0 {
        ring.append(constantFrames: min(left, 4096) - ring.waiting)
        left -= try ring.run(limit: 4096, frameLength: frame.count).sent.total
      }
    } catch {
      throw Fault("cannot flood", cause: error)
    }
  }
}
