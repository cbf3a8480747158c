// Bulk resolution without a network: time is a number.
import Testing
import Wire

@testable import NIC

private let second = 1_000_000_000
private let mac = MACAddress(0x0200_0000_0001)

private func addresses(_ count: UInt32) -> [IPv4Address] {
  (0..<count).map { IPv4Address(0xc612_0000 + $0) }
}

@Suite struct `A schedule of ARP requests` {
  @Test func `never exceeds its rate, not even after a pause`() {
    var schedule = ARPSchedule(
      addresses(10_000), limits: .init(rate: 1_000, tries: 1, milliseconds: 1_000), now: 0)
    var sent = 0
    for now in stride(from: 0, through: second, by: 100_000) {
      while schedule.due(now: now) != nil { sent += 1 }
      #expect(sent <= now / 1_000_000 + 3)
    }
    // Half a second during which nobody asked is lost, but for 2 ms.
    let before = sent
    while schedule.due(now: second * 3 / 2) != nil { sent += 1 }
    #expect(sent - before <= 3)
  }

  @Test func `asks each silent address as often as it may, at its distance, then gives up`() {
    let asked = addresses(3)
    var schedule = ARPSchedule(
      asked, limits: .init(rate: 1_000_000, tries: 3, milliseconds: 1_000), now: 0)
    var times: [IPv4Address: [Int]] = [:]
    var now = 0
    while !schedule.isComplete {
      while let address = schedule.due(now: now) { times[address, default: []].append(now) }
      now += 10_000_000
    }
    #expect(schedule.unresolved == asked)
    for address in asked {
      let moments = times[address] ?? []
      #expect(moments.count == 3)
      #expect(zip(moments, moments.dropFirst()).allSatisfy { $1 - $0 >= second })
    }
    #expect(now >= 3 * second && now < 3 * second + second / 5, "the last try has its second too")
  }

  @Test func `asks again only those that did not answer`() {
    let asked = addresses(4)
    var schedule = ARPSchedule(
      asked, limits: .init(rate: 1_000_000, tries: 2, milliseconds: 10), now: 0)
    for now in 0..<10 { _ = schedule.due(now: now * 1_000_000) }
    schedule.learn(asked[1], mac)
    schedule.learn(asked[3], mac)
    var again: [IPv4Address] = []
    for now in 10..<20 {
      if let address = schedule.due(now: now * 1_000_000) { again.append(address) }
    }
    #expect(again == [asked[0], asked[2]])
  }

  @Test func `is complete at once when all have answered, or nobody was asked`() {
    let asked = addresses(2)
    var schedule = ARPSchedule(asked, limits: .init(), now: 0)
    for address in asked { schedule.learn(address, mac) }
    #expect(schedule.isComplete && schedule.unresolved.isEmpty)
    #expect(ARPSchedule([], limits: .init(), now: 0).isComplete)
  }

  @Test func `keeps the first answer and passes over what nobody asked`() {
    let asked = addresses(1)
    var schedule = ARPSchedule(asked + asked, limits: .init(), now: 0)
    schedule.learn(IPv4Address(198, 19, 0, 1), mac)
    #expect(schedule.found.isEmpty)
    schedule.learn(asked[0], mac)
    schedule.learn(asked[0], MACAddress(0x0200_0000_0002))
    #expect(schedule.found == [asked[0]: mac])
  }

  @Test func `repeats a request that the queue refused`() {
    let asked = addresses(2)
    var schedule = ARPSchedule(
      asked, limits: .init(rate: 1_000, tries: 1, milliseconds: 1_000), now: 0)
    #expect(schedule.due(now: 0) == asked[0])
    schedule.refuse()
    #expect(schedule.due(now: 5_000_000) == asked[0])
    #expect(schedule.due(now: 10_000_000) == asked[1])
  }
}
