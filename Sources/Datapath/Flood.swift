// The upper bound that transmitters are compared with: one constant frame through the generator's kernel path.
import Kernel
import Wire

/// Sends one constant frame, for benchmarks. Entry, counting and retries are the generator's.
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

  /// Sends `frame` `count` times from the calling thread.
  ///
  /// - Parameters:
  ///   - batch: frames per system call, at most 4096, which is the generator's without a rate limit.
  ///   - interval: nanoseconds from one call to the next; 0 is as fast as possible.
  public func send(_ frame: [UInt8], count: Int, batch: Int = 4096, interval: UInt64 = 0)
    throws(Fault)
  {
    var ring = GeneratorRing(
      generator.program, number: 0, processor: processor, entry: generator.entry)
    generator.program.setTemplate(0, frame: frame)
    var remaining = count
    var due = Clock.monotonic
    do throws(Errno) {
      while remaining > 0 {
        ring.append(constantFrames: min(remaining, batch) - ring.waiting)
        remaining -= try ring.run(limit: batch, frameLength: frame.count).sent.total
        due += interval
        if interval > 0 { Clock.sleep(untilMonotonic: due) }
      }
    } catch {
      throw Fault("cannot flood", cause: error)
    }
  }
}
