// The process of a service, with pipes for its heartbeats, its reports and its output.
import Kernel

/// A running process of a service.
final class ServiceProcess {
  let process: Int32
  /// Nil if the service sends no heartbeats.
  private let heartbeats: Pipe?
  private let output: Pipe
  /// Ends when the start helper becomes the service; nil if heartbeats tell that.
  private let beginning: Pipe?
  /// Nil if it has nothing to report.
  private let reports: (pipe: Pipe, size: Int)?
  private var ring: LogRing
  private var allowance: Allowance
  /// In bytes, so that a service that reports without end is read no more than others.
  private var reportAllowance = Allowance(perSecond: 4096)

  /// The reading end of a pipe, in a class because arrays and optionals of it are needed.
  private final class Pipe {
    private let reader: Descriptor
    private var hasEnded = false
    init(_ reader: consuming Descriptor) { self.reader = reader }

    /// Nil once the service has closed its end: such a pipe is always readable.
    var number: Int32? { hasEnded ? nil : reader.number }

    /// Returns what can be read now, at most `count` bytes.
    func read(_ count: Int) -> ArraySlice<UInt8> {
      var buffer = [UInt8](repeating: 0, count: count)
      guard !hasEnded, let count = try? reader.read(into: &buffer) else { return [] }
      hasEnded = count == 0
      return buffer.prefix(count)
    }
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
    let reports = try PipeEnds()
    let beginning = try PipeEnds()
    let hasHeartbeats = service.heartbeatDescriptor != nil
    let (program, words) = service.command(helper: helper, further: further.arguments)
    process = try ChildProcess.start(
      program, words, environment: service.environment, output: output.writer.number,
      inherited: sockets + (hasHeartbeats ? [heartbeats.writer.number] : [])
        + (service.reportSize == nil ? [] : [reports.writer.number])
        + (service.beginningDescriptor == nil ? [] : [beginning.writer.number]) + further.descriptors)
    self.output = Pipe(output.takeReader())
    self.beginning = hasHeartbeats ? nil : Pipe(beginning.takeReader())
    self.heartbeats = hasHeartbeats ? Pipe(heartbeats.takeReader()) : nil
    let reader = Pipe(reports.takeReader())
    self.reports = service.reportSize.map { (reader, $0) }
    ring = LogRing(service.output)
    allowance = Allowance(perSecond: service.output.bytesPerSecond)
  }

  /// The descriptors that become readable when there is something that may be read now.
  func descriptors(at now: UInt64) -> [Int32] {
    let mayRead = allowance.remaining(at: now) > 0
    let mayReadReports = reportAllowance.remaining(at: now) > 0
    return [
      heartbeats?.number, beginning?.number, mayReadReports ? reports?.pipe.number : nil,
      mayRead ? output.number : nil,
    ].compactMap(\.self)
  }

  /// Whether the start helper has become the service, or has ended.
  var hasBegun: Bool {
    _ = beginning?.read(64)
    return beginning?.number == nil
  }

  /// Returns the heartbeats received since the last call, at most 64.
  func readBeats() -> [Beat] {
    (heartbeats?.read(64) ?? []).map { Beat(rawValue: $0) ?? .alive }
  }

  /// Returns the next report, which may be anything; nil if there is none.
  func readReport(at now: UInt64) -> [UInt8]? {
    guard let reports, reportAllowance.remaining(at: now) > 0 else { return nil }
    let report = reports.pipe.read(reports.size)
    reportAllowance.use(report.count)
    return report.isEmpty ? nil : Array(report)
  }

  /// Returns the new lines that belong on the console, and keeps them as an explanation of its end.
  ///
  /// - Parameter isUp: whether only the latest line can explain the end.
  func readLines(isUp: Bool, at now: UInt64) -> [String] {
    var lines: [String] = []
    // Bounded, so that a service that writes without pause cannot keep PID 1 from its other duties.
    for _ in 0..<16 where allowance.remaining(at: now) > 0 {
      let piece = output.read(4096)
      guard !piece.isEmpty else { break }
      allowance.use(piece.count)
      for line in ring.append(piece).compactMap(ConsoleText.of) {
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
