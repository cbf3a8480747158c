// Measures frames stamped per second, and instructions per frame.
import ArgumentParser
import Foundation
import LabSupport
import TestSupport
import Wire

/// Stamps frames in memory, like a transmitter without a kernel.
struct FrameWriter {
  static let batch = 64
  private static let size = 128
  private let stamper: FrameStamper
  private let entries: [TransmitEntry]
  private var frames: [UInt8]

  /// Builds entries like a scan's: random destinations, one port, sources evenly distributed.
  init(sources: Int) {
    var random = SeededGenerator(1)
    let addresses = (0..<UInt32(sources)).map { IPv4Address(0xc612_0001 + $0) }
    let stamper = FrameStamper(
      profile: .smallest, sources: addresses,
      sourceMAC: MACAddress(0x0200_0000_0001), nextHops: [MACAddress(0x0200_0000_0002)])
    entries = (0..<64 * Self.batch).map { _ in
      let source = UInt16.random(in: 0..<UInt16(sources), using: &random)
      return TransmitEntry(
        syn: random.next(), port: 443, source: source, sourcePort: random.next(), hash: random.next(),
        sums: SourceSums(syn: .smallest, source: addresses[Int(source)]))
    }
    self.stamper = stamper
    frames = [UInt8](repeating: 0, count: Self.batch * Self.size)
    var bytes = frames.mutableSpan
    for index in 0..<Self.batch {
      var part = bytes._mutatingExtracting(index * Self.size..<(index + 1) * Self.size)
      var frame = unsafe part.mutableBytes
      stamper.prefill(&frame, for: .syn)
    }
  }

  /// Stamps at least `minimum` frames, in whole batches; returns how many.
  mutating func run(frames minimum: Int) -> Int {
    var (done, first) = (0, 0)
    while done < minimum {
      stampBatch(from: first)
      done += Self.batch
      first = (first + Self.batch) % entries.count
    }
    consume(UInt64(frames[FrameLayout.tcpChecksum]))
    return done
  }

  private mutating func stampBatch(from first: Int) {
    // Local copies, because `frames` is accessed exclusively below.
    let (stamper, entries) = (stamper, entries)
    var bytes = frames.mutableSpan
    for index in 0..<Self.batch {
      var part = bytes._mutatingExtracting(index * Self.size..<(index + 1) * Self.size)
      // Every byte value is valid.
      var frame = unsafe part.mutableBytes
      stamper.stamp(entries[first + index], into: &frame)
    }
  }
}

func measureStamping(_ report: inout Report) {
  for sources in [1, 64] {
    var writer = FrameWriter(sources: sources)
    var frames = 0
    let seconds = fastest { frames = writer.run(frames: 500_000) }
    report.add("stamp_sources_\(sources)", Double(frames) / seconds, "frames/s")
  }
}

/// Only stamps, for callgrind to count the instructions.
struct StampOnlyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stamp-only", abstract: "Stamp frames in memory.")

  @Option(help: "Number of frames.")
  var frames = 1_000_000

  @Option(help: "Number of source addresses.")
  var sources = 64

  func run() {
    var writer = FrameWriter(sources: sources)
    _ = writer.run(frames: frames)
  }
}

/// Counts instructions with callgrind in two runs of different length, whose difference excludes the startup.
func measureInstructions(_ report: inout Report) {
  report.add("stamp_instructions", "instructions/frame") {
    let (few, many) = (64_000, 1_088_000)
    return Double(try instructions(frames: many) - instructions(frames: few)) / Double(many - few)
  }
}

private func instructions(frames: Int) throws -> Int {
  // Resolved here, because under valgrind /proc/self/exe is valgrind.
  let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
  let outcome = try run(
    [
      "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, "stamp-only",
      "--frames", "\(frames)",
    ], seconds: 120)
  guard outcome.status == 0 else {
    throw LabError("callgrind failed: \(outcome.errors.suffix(300))")
  }
  for line in outcome.errors.split(separator: "\n") {
    let words = line.split(separator: " ")
    if words.count == 4, words[1] == "Collected", let count = Int(words[3]) { return count }
  }
  throw LabError("callgrind printed no count: \(outcome.errors.suffix(300))")
}
