// The process of a service, with a pipe for its heartbeats and one for its output.
import Kernel

/// A running process of a service.
final class ServiceProcess {
  let process: Int32
  /// Nil if the service sends no heartbeats.
  private let heartbeats: Pipe?
  private let output: Pipe
  private var ring: LogRing
  private var allowance: Allowance

  /// The reading end of a pipe, in a class because arrays and optionals of it are needed.
  private final class Pipe {
    let reader: Descriptor
    init(_ reader: consuming Descriptor) { self.reader = reader }
  }

  /// Starts the process.
  ///
  /// - Parameters:
  ///   - sockets: passed as descriptors 3 and up.
  ///   - helper: the program of the start helper and its first words.
  ///   - further: more arguments, and descriptors that follow that of the heartbeats.
  init(
    _ service: ServiceSpecification, sockets: [Int32], helper: [String],
    further: (arguments: [String], descriptors: [Int32]) = ([], [])
  ) throws(Fault) {
    let output = try PipeEnds()
    let heartbeats = try PipeEnds()
    let hasHeartbeats = service.heartbeatDescriptor != nil
    let (program, words) = service.command(helper: helper, further: further.arguments)
    process = try ChildProcess.start(
      program, words, environment: service.environment, output: output.writer.number,
      inherited: sockets + (hasHeartbeats ? [heartbeats.writer.number] : []) + further.descriptors)
    self.output = Pipe(output.takeReader())
    self.heartbeats = hasHeartbeats ? Pipe(heartbeats.takeReader()) : nil
    ring = LogRing(service.output)
    allowance = Allowance(perSecond: service.output.bytesPerSecond)
  }

  /// The descriptors that become readable when there is something that may be read now.
  func descriptors(at now: UInt64) -> [Int32] {
    let mayRead = allowance.remaining(at: now) > 0
    return [heartbeats?.reader.number, mayRead ? output.reader.number : nil].compactMap(\.self)
  }

  /// Returns the heartbeats received since the last call, at most 64.
  func readBeats() -> [Beat] {
    guard let heartbeats else { return [] }
    var buffer = [UInt8](repeating: 0, count: 64)
    guard let count = try? heartbeats.reader.read(into: &buffer) else { return [] }
    return buffer.prefix(count).map { Beat(rawValue: $0) ?? .alive }
  }

  /// Returns the new lines that belong on the console, and keeps them as an explanation of its end.
  ///
  /// - Parameter isUp: whether only the latest line can explain the end.
  func readLines(isUp: Bool, at now: UInt64) -> [String] {
    var buffer = [UInt8](repeating: 0, count: 4096)
    var lines: [String] = []
    // Bounded, so that a service that writes without pause cannot keep PID 1 from its other duties.
    for _ in 0..<16 where allowance.remaining(at: now) > 0 {
      guard let count = try? output.reader.read(into: &buffer), count > 0 else { break }
      allowance.use(count)
      for line in ring.append(buffer.prefix(count)).compactMap(ConsoleText.of) {
        lines.append(line)
        if isUp { _ = ring.removeLines() }
        ring.keep(line)
      }
    }
    return lines
  }

  /// The lines that explain its end, the oldest first.
  var lastLines: [String] { ring.lines }

  /// Forgets the lines so far, which no longer explain a later end. Returns them.
  func takeLines() -> [String] { ring.removeLines() }

  func send(_ signal: Signal) { try? Kernel.send(signal, to: process) }
}
