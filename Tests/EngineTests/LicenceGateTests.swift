// Shares of a licence among senders.
import Testing

@testable import Engine

@Suite(.timeLimit(.minutes(5))) struct `A share of a licence` {
  private static let second: UInt64 = 1_000_000_000

  private func rates(_ gate: LicenceGate, of count: Int, jobRate: UInt64 = 0, at now: UInt64 = 5)
    -> [UInt64?]
  {
    (0..<count).map { index in
      var share = LicensedShare(gate, index: index, of: count, jobRate: jobRate)
      return share.rate(at: now)
    }
  }

  @Test func `is nothing without a licence, and after it was revoked`() {
    let gate = LicenceGate()
    #expect(rates(gate, of: 2) == [nil, nil])
    #expect(gate.denySequence == nil)
    gate.grant(rate: 10, expires: 100 * Self.second, denySequence: 3)
    #expect(rates(gate, of: 2) == [5, 5])
    #expect(gate.denySequence == 3)
    gate.revoke()
    #expect(rates(gate, of: 2) == [nil, nil])
  }

  @Test func `ends at the expiry, at most two milliseconds before it`() {
    let gate = LicenceGate()
    let expires = 100 * Self.second + 999_999
    gate.grant(rate: 10, expires: expires, denySequence: 0)
    for now in [expires, expires + 1, .max] { #expect(rates(gate, of: 1, at: now) == [nil]) }
    #expect(rates(gate, of: 1, at: expires - 2_000_000) == [10])
  }

  @Test(arguments: [1, 2, 3, 7, 64], [64, 65, 1000, 999_999_999] as [UInt64])
  func `adds up to the licence's rate`(count: Int, rate: UInt64) {
    let gate = LicenceGate()
    gate.grant(rate: rate, expires: 100 * Self.second, denySequence: 0)
    #expect(rates(gate, of: count).reduce(0) { $0 + ($1 ?? 0) } == rate)
  }

  @Test func `is never more than the job's`() {
    let gate = LicenceGate()
    gate.grant(rate: 1000, expires: 100 * Self.second, denySequence: 0)
    #expect(rates(gate, of: 2, jobRate: 300) == [300, 300])
    #expect(rates(gate, of: 2, jobRate: 600) == [500, 500])
  }

  @Test func `of a rate below the number of senders goes round`() {
    let gate = LicenceGate()
    gate.grant(rate: 2, expires: 100 * Self.second, denySequence: 0)
    for turn in 0..<6 as Range<UInt64> {
      let now = turn * Self.second + 7
      let expected = (0..<3).map { UInt64($0) == turn % 3 ? 2 : nil } as [UInt64?]
      #expect(rates(gate, of: 3, at: now) == expected)
    }
  }

  @Test func `follows each change of the rate`() {
    let gate = LicenceGate()
    var share = LicensedShare(gate, index: 0, of: 1, jobRate: 0)
    for rate in [400, 200, 200, 1, 1000, 400] as [UInt64] {
      gate.grant(rate: rate, expires: 100 * Self.second, denySequence: 0)
      #expect(share.rate(at: 5) == rate)
      gate.revoke()
      #expect(share.rate(at: 5) == nil)
    }
    gate.grant(rate: 0, expires: 100 * Self.second, denySequence: 0)
    #expect(share.rate(at: 5) == nil)
  }
}
