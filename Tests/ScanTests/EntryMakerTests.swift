import Scan
import TestSupport
import Testing
import Wire

@Suite(.timeLimit(.minutes(5))) struct `The entry of a probe` {
  private static let sources = (1...5).map { IPv4Address(198, 18, 0, $0) }
  private static let selection = SourceSelection(
    addresses: sources.count, ports: 50_000...50_019, key: key)

  @Test func `has the source that is chosen for it, and the cookie of its four-tuple`() {
    let seed = Seed.next()
    var random = SeededGenerator(seed)
    let cookie = Cookie(key: key)
    let maker = EntryMaker(Self.selection, cookie: cookie, profile: .smallest, sources: Self.sources)
    for _ in 0..<2_000 {
      let (destination, port): (UInt32, UInt16) = (random.next(), random.next())
      let pass = UInt8.random(in: 0...254, using: &random)
      let entry = maker.entry(destination: destination, port: port, pass: pass, nextHop: 7)
      let (source, sourcePort) = Self.selection.choose(
        destination: destination, port: port, pass: pass)
      let hash = cookie.hash(
        source: Self.sources[Int(source)].value, destination: destination, sourcePort: sourcePort,
        destinationPort: port)
      #expect(
        entry
          == TransmitEntry(
            syn: destination, port: port, source: source, sourcePort: sourcePort, hash: hash,
            nextHop: 7, sums: SourceSums(syn: .smallest, source: Self.sources[Int(source)])),
        "seed \(seed)")
      #expect(entry.sequenceNumber == UInt32(truncatingIfNeeded: hash))
      #expect(entry.identification == UInt16(truncatingIfNeeded: hash >> 32))
    }
  }
}
