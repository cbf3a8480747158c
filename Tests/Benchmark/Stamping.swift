// Frames stamped per second, and instructions per frame.
import ArgumentParser
import Foundation
import LabSupport
import TestSupport
import Wire

/// A transmitter without a kernel behind it: entries in, frames in memory out.
struct StampWork {
  static let batch = 64
  private static let size = 128
  private let stamper: FrameStamper
  private let entries: [TransmitEntry]
  private var frames: [UInt8]

  /// Entries are those of a scan: any destination, one port, sources spread evenly.
  init(sources: Int) {
    var random = SeededGenerator(1)
    let stamper = FrameStamper(
      profile: .smallest, cookie: Cookie(key: SipHashKey(k0: random.next(), k1: random.next())),
      sources: (0..<UInt32(sources)).map { IPv4Address(0xc612_0001 + $0) },
      sourceMAC: MACAddress(0x0200_0000_0001), nextHops: [MACAddress(0x0200_0000_0002)])
    entries = (0..<64 * Self.batch).map { _ in
      TransmitEntry(
        syn: random.next(), port: 443, source: UInt16.random(in: 0..<UInt16(sources), using: &random),
        sourcePort: random.next())
    }
    self.stamper = stamper
    frames = [UInt8](repeating: 0, count: Self.batch * Self.size)
    var bytes = frames.mutableSpan
    for place in 0..<Self.batch {
      var part = bytes._mutatingExtracting(place * Self.size..<(place + 1) * Self.size)
      var frame = unsafe part.mutableBytes
      stamper.prefill(&frame, for: .syn)
    }
  }

  /// Stamps so many frames, rounded up to whole batches; how many.
  mutating func run(frames wanted: Int) -> Int {
    var (done, first) = (0, 0)
    while done < wanted {
      stampBatch(from: first)
      done += Self.batch
      first = (first + Self.batch) % entries.count
    }
    consume(UInt64(frames[FrameLayout.tcpChecksum]))
    return done
  }

  private mutating func stampBatch(from first: Int) {
    // The frames alone are changed while the entries are read.
    let (stamper, entries) = (stamper, entries)
    var bytes = frames.mutableSpan
    for place in 0..<Self.batch {
      var part = bytes._mutatingExtracting(place * Self.size..<(place + 1) * Self.size)
      // Any bytes are as good as any others.
      var frame = unsafe part.mutableBytes
      stamper.stamp(entries[first + place], into: &frame)
    }
  }
}

func measureStamping(_ report: inout Report) {
  for sources in [1, 64] {
    var work = StampWork(sources: sources)
    var frames = 0
    let seconds = fastest { frames = work.run(frames: 500_000) }
    report.add("stamp_sources_\(sources)", Double(frames) / seconds, "frames/s")
  }
}

/// Stamps and nothing else: what callgrind counts.
struct StampOnlyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stamp-only", abstract: "Stamp frames and do nothing else.")

  @Option(help: "How many frames.")
  var frames = 1_000_000

  @Option(help: "From how many source addresses.")
  var sources = 64

  func run() {
    var work = StampWork(sources: sources)
    _ = work.run(frames: frames)
  }
}

/// Two runs of different length under callgrind: what starting costs falls out of the difference.
func measureInstructions(_ report: inout Report) {
  report.add("stamp_instructions", "instructions/frame") {
    let (few, many) = (64_000, 1_088_000)
    return Double(try instructions(frames: many) - instructions(frames: few)) / Double(many - few)
  }
}

private func instructions(frames: Int) throws -> Int {
  // In valgrind /proc/self/exe is valgrind.
  let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
  let outcome = try run(
    [
      "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, "stamp-only",
      "--frames", "\(frames)",
    ], seconds: 120)
  guard outcome.status == 0 else {
    throw LabError("no callgrind: \(outcome.errors.suffix(300))")
  }
  for line in outcome.errors.split(separator: "\n") {
    let words = line.split(separator: " ")
    if words.count == 4, words[1] == "Collected", let count = Int(words[3]) { return count }
  }
  throw LabError("callgrind printed no count: \(outcome.errors.suffix(300))")
}
