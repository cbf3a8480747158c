// The schedule of bulk resolution, without a network: time is a parameter.
import Testing
import Wire

@testable import NIC

private let second = 1_000_000_000
private let mac = MACAddress(0x0200_0000_0001)

private func addresses(_ count: UInt32) -> [IPv4Address] {
  (0..<count).map { IPv4Address(0xc612_0000 + $0) }
}

@Suite(.timeLimit(.minutes(5))) struct `An address that two MAC addresses reply for` {
  private let other = MACAddress(0x0200_0000_0002)
  private let address = addresses(1)[0]

  private func schedule(pin: MACAddress? = nil) -> ARPSchedule {
    ARPSchedule(
      [address], pins: pin.map { [address: $0] } ?? [:],
      limits: .init(rate: 1_000, tries: 1, timeoutMilliseconds: 1_000), now: 0)
  }

  @Test func `is that of the first, and the second is a conflict`() {
    var schedule = schedule()
    for reply in [mac, mac, other, mac] { schedule.record(address, reply) }
    #expect(schedule.found == [address: mac] && schedule.conflicts == [address: other])
  }

  @Test func `is the pinned one's, even if the other replies first`() {
    var schedule = schedule(pin: mac)
    schedule.record(address, other)
    #expect(schedule.found.isEmpty && !schedule.isComplete)
    schedule.record(address, mac)
    #expect(schedule.found == [address: mac] && schedule.conflicts == [address: other])
    #expect(schedule.isComplete)
  }

  @Test func `is unresolved if only another than the pinned one replies`() {
    var schedule = schedule(pin: mac)
    for _ in 0..<9 { schedule.record(address, other) }
    #expect(schedule.unresolved == [address] && schedule.conflicts == [address: other])
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A schedule of ARP requests` {
  @Test func `never exceeds its rate, not even after a pause`() {
    var schedule = ARPSchedule(
      addresses(10_000), limits: .init(rate: 1_000, tries: 1, timeoutMilliseconds: 1_000), now: 0)
    var sent = 0
    for now in stride(from: 0, through: second, by: 100_000) {
      while schedule.due(now: now) != nil { sent += 1 }
      #expect(sent <= now / 1_000_000 + 3)
    }
    // The credit of half a second without calls is lost, except for 2 ms.
    let before = sent
    while schedule.due(now: second * 3 / 2) != nil { sent += 1 }
    #expect(sent - before <= 3)
  }

  @Test func `tries each silent address the maximum number of times, a timeout apart, then gives up`() {
    let requested = addresses(3)
    var schedule = ARPSchedule(
      requested, limits: .init(rate: 1_000_000, tries: 3, timeoutMilliseconds: 1_000), now: 0)
    var times: [IPv4Address: [Int]] = [:]
    var now = 0
    while !schedule.isComplete {
      while let address = schedule.due(now: now) { times[address, default: []].append(now) }
      now += 10_000_000
    }
    #expect(schedule.unresolved == requested)
    for address in requested {
      let tries = times[address] ?? []
      #expect(tries.count == 3)
      #expect(zip(tries, tries.dropFirst()).allSatisfy { $1 - $0 >= second })
    }
    #expect(now >= 3 * second && now < 3 * second + second / 5, "waits for replies to the last try too")
  }

  @Test func `retries only addresses that did not reply`() {
    let requested = addresses(4)
    var schedule = ARPSchedule(
      requested, limits: .init(rate: 1_000_000, tries: 2, timeoutMilliseconds: 10), now: 0)
    for now in 0..<10 { _ = schedule.due(now: now * 1_000_000) }
    schedule.record(requested[1], mac)
    schedule.record(requested[3], mac)
    var retried: [IPv4Address] = []
    for now in 10..<20 {
      if let address = schedule.due(now: now * 1_000_000) { retried.append(address) }
    }
    #expect(retried == [requested[0], requested[2]])
  }

  @Test func `is complete at once when all have replied, or there are no addresses`() {
    let requested = addresses(2)
    var schedule = ARPSchedule(requested, limits: .init(), now: 0)
    for address in requested { schedule.record(address, mac) }
    #expect(schedule.isComplete && schedule.unresolved.isEmpty)
    #expect(ARPSchedule([], limits: .init(), now: 0).isComplete)
  }

  @Test func `keeps the first reply and ignores unrequested ones`() {
    let requested = addresses(1)
    var schedule = ARPSchedule(requested + requested, limits: .init(), now: 0)
    schedule.record(IPv4Address(198, 19, 0, 1), mac)
    #expect(schedule.found.isEmpty)
    schedule.record(requested[0], mac)
    schedule.record(requested[0], MACAddress(0x0200_0000_0002))
    #expect(schedule.found == [requested[0]: mac])
  }

  @Test func `retries a request that the queue refused`() {
    let requested = addresses(2)
    var schedule = ARPSchedule(
      requested, limits: .init(rate: 1_000, tries: 1, timeoutMilliseconds: 1_000), now: 0)
    #expect(schedule.due(now: 0) == requested[0])
    schedule.retryLast()
    #expect(schedule.due(now: 5_000_000) == requested[0])
    #expect(schedule.due(now: 10_000_000) == requested[1])
  }
}
