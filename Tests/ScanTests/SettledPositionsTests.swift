import Foundation
import Scan
import Testing
import Wire

@Suite(.timeLimit(.minutes(5))) struct `The position from which an interrupted scan resumes` {
  @Test func `is the latest one that is a cooldown old, and never decreases`() {
    var positions = SettledPositions(from: 5, cooldown: 100)
    #expect(positions.index == 5)
    for time in UInt64(1)...50 { positions.note(time * 10, at: time * 10) }
    positions.advance(to: 99)
    #expect(positions.index == 5)
    positions.advance(to: 110)
    #expect(positions.index == 10)
    positions.advance(to: 309)
    #expect(positions.index == 200)
    positions.advance(to: 250)
    #expect(positions.index == 200)
    positions.advance(to: .max)
    #expect(positions.index == 500)
  }

  @Test func `counts its cooldown from when it was first reached`() {
    var positions = SettledPositions(from: 0, cooldown: 100)
    for time in UInt64(1)...20 { positions.note(7, at: time * 10) }
    positions.advance(to: 110)
    #expect(positions.index == 7)
  }

  @Test func `waits for replies that have not been taken`() {
    var positions = SettledPositions(from: 0, cooldown: 0)
    positions.note(3, at: 50)
    positions.advance(to: 49)
    #expect(positions.index == 0)
    positions.advance(to: 50)
    #expect(positions.index == 3)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `The totals of a scan` {
  @Test func `add up over processes, except two maxima and the start`() {
    var first = ScanTotals(started: 10)
    var second = ScanTotals(started: 20)
    for (index, counter) in ScanTotals.Counter.allCases.enumerated() {
      first[counter] = UInt64(index + 1)
      second[counter] = 100
    }
    first.fates[.open] = 3
    second.fates[.open] = 4
    let sum = second.following(first)
    #expect(sum.started == 10)
    let maxima: [ScanTotals.Counter] = [.peakResident, .targetsDenied]
    for (index, counter) in ScanTotals.Counter.allCases.enumerated() where !maxima.contains(counter) {
      #expect(sum[counter] == 101 + UInt64(index))
    }
    for counter in maxima { #expect(sum[counter] == 100) }
    #expect(sum.fates.open == 7)
  }

  @Test func `are unchanged after encoding and decoding`() throws {
    var totals = ScanTotals(started: 10)
    for (index, counter) in ScanTotals.Counter.allCases.enumerated() { totals[counter] = UInt64(index) }
    for (index, fate) in Fate.allCases.enumerated() { totals.fates[fate] = .max - UInt64(index) }
    let encoded = try JSONEncoder().encode(totals)
    #expect(try JSONDecoder().decode(ScanTotals.self, from: encoded) == totals)
  }

  @Test func `count the RSTs that an earlier version sent in place with the others`() throws {
    let text = #"{"counters": {"rst_in_place": 3, "rst_through_transmitter": 4}}"#
    let totals = try JSONDecoder().decode(ScanTotals.self, from: Data(text.utf8))
    #expect(Summary(totals).resetsSent == 7)
    let again = try JSONDecoder().decode(ScanTotals.self, from: JSONEncoder().encode(totals))
    #expect(again == totals)
  }

  @Test func `ignore names they do not know and take missing ones for 0`() throws {
    let text = """
      {"counters": {"results_written": 3, "tea_served": 4}, "fates": {"open": 5, "eaten": 6}, "tea": {}}
      """
    let totals = try JSONDecoder().decode(ScanTotals.self, from: Data(text.utf8))
    var expected = ScanTotals(started: 0)
    expected[.written] = 3
    expected.fates[.open] = 5
    #expect(totals == expected)
    let empty = try JSONDecoder().decode(ScanTotals.self, from: Data("{}".utf8))
    #expect(empty == ScanTotals(started: 0))
  }
}
