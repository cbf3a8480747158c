import Scan
import Testing
import Wire

/// Pearson's chi-square statistic of counts that should be equal.
private func chiSquare(_ counts: [Int]) -> Double {
  let expected = Double(counts.reduce(0, +)) / Double(counts.count)
  return counts.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
}

/// The mean plus six standard deviations of chi-square, which one sample in 10^9 exceeds.
private func bound(_ cells: Int) -> Double {
  let freedom = Double(cells - 1)
  return freedom + 6 * (2 * freedom).squareRoot()
}

private let selection = SourceSelection(addresses: 64, ports: 50_000...50_019, key: key)

@Suite(.timeLimit(.minutes(5))) struct `The source of a probe` {
  @Test func `is spread evenly over 64 addresses, 20 ports and their combinations`() {
    var addresses = [Int](repeating: 0, count: 64)
    var ports = [Int](repeating: 0, count: 20)
    var both = [Int](repeating: 0, count: 64 * 20)
    for number in 0..<UInt32(256_000) {
      let (source, port) = selection.choose(destination: 0xc612_0000 + number, port: 443, pass: 0)
      addresses[Int(source)] += 1
      ports[Int(port) - 50_000] += 1
      both[Int(source) * 20 + Int(port) - 50_000] += 1
    }
    for counts in [addresses, ports, both] {
      #expect(!counts.contains(0))
      #expect(chiSquare(counts) < bound(counts.count))
    }
  }

  @Test func `is spread evenly over the ports of one address, and over the passes of a target`() {
    var byPort = [Int](repeating: 0, count: 64)
    var byPass = [Int](repeating: 0, count: 64)
    for number in 0..<UInt16(60_000) {
      byPort[Int(selection.choose(destination: 0xc612_0001, port: number, pass: 0).source)] += 1
      let (address, pass) = (0xc612_0001 + UInt32(number >> 8), UInt8(truncatingIfNeeded: number))
      byPass[Int(selection.choose(destination: address, port: 80, pass: pass).source)] += 1
    }
    #expect(chiSquare(byPort) < bound(64))
    #expect(chiSquare(byPass) < bound(64))
  }

  /// The mixer of earlier versions needed the cookie's own key, and its output is not a hash that hides its key.
  @Test func `is SipHash of target and pass under a key that is derived from the job's`() {
    let wide = SourceSelection(addresses: 65_536, ports: 0...65_535, key: key)
    let derived = SipHashKey(
      k0: SipHash24.hash(Array("synbox source selection".utf8) + [0], key: key),
      k1: SipHash24.hash(Array("synbox source selection".utf8) + [1], key: key))
    for number in 0..<UInt32(1_000) {
      let address = number &* 0x9e37_79b9
      let pass = UInt8(truncatingIfNeeded: number)
      let bytes = (0..<4).map { UInt8(truncatingIfNeeded: address >> (8 * $0)) } + [0x50, 0, pass]
      let hash = SipHash13.hash(bytes, key: derived)
      let (source, port) = wide.choose(destination: address, port: 0x50, pass: pass)
      #expect(source == UInt16(hash >> 48) && port == UInt16(hash >> 16 & 0xffff))
    }
  }

  @Test func `is the same for the same probe, and differs under another key`() {
    let again = SourceSelection(addresses: 64, ports: 50_000...50_019, key: key)
    let other = SourceSelection(addresses: 64, ports: 50_000...50_019, key: SipHashKey(k0: 1, k1: 2))
    var moved = 0
    for number in 0..<UInt32(1_000) {
      let first = selection.choose(destination: number, port: 80, pass: 1)
      #expect(again.choose(destination: number, port: 80, pass: 1) == first)
      if other.choose(destination: number, port: 80, pass: 1) != first { moved += 1 }
    }
    #expect(moved > 990)
  }

  @Test func `differs between consecutive ports`() {
    let equal = (0..<UInt32(1_000)).count { number in
      selection.choose(destination: number, port: 80, pass: 0)
        == selection.choose(destination: number, port: 81, pass: 0)
    }
    // By chance one in 1280 is equal.
    #expect(equal < 10)
  }

  @Test(arguments: [1...1, 50_000...50_019, 50_000...50_100, 32_768...61_000] as [ClosedRange<UInt16>])
  func `has a port of its slot, and each of these equally often`(ports: ClosedRange<UInt16>) {
    let slots = KeySlots(64, ports: ports)
    for slot in [0, 1, 4, 19, 40, 63] {
      let selection = SourceSelection(addresses: 4, ports: ports, key: key, slot: slot, slots: 64)
      let own = slots.sourcePorts(of: slot)
      var counts = [Int](repeating: 0, count: own.count)
      for number in 0..<UInt32(100 * own.count) {
        let port = selection.choose(destination: 0xc612_0000 + number, port: 443, pass: 0).port
        #expect(ports.contains(port) && slots.slots(for: port).contains(slot))
        counts[Int(port - own.first) / slots.hints] += 1
      }
      #expect(!counts.contains(0))
      if counts.count > 1 { #expect(chiSquare(counts) < bound(counts.count)) }
    }
  }

  @Test func `is any of the ports if there is a single slot`() {
    let single = SourceSelection(addresses: 64, ports: 50_000...50_019, key: key, slot: 0, slots: 1)
    for number in 0..<UInt32(1_000) {
      let source = single.choose(destination: number, port: 80, pass: 0)
      #expect(source == selection.choose(destination: number, port: 80, pass: 0))
    }
  }

  @Test func `stays within a single address and port, and within the widest range`() {
    let one = SourceSelection(addresses: 1, ports: 65_535...65_535, key: key)
    let all = SourceSelection(addresses: 65_536, ports: 0...65_535, key: key)
    var last: UInt16 = 0
    for number in 0..<UInt32(200_000) {
      #expect(one.choose(destination: number, port: 80, pass: 0) == (0, 65_535))
      last = max(last, all.choose(destination: number, port: 80, pass: 0).port)
    }
    #expect(last > 65_500)
  }
}
