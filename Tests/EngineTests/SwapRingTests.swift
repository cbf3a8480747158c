import Kernel
import Synchronization
import Testing

@testable import Engine

@Suite(.timeLimit(.minutes(5))) struct `A swap ring` {
  @Test func `refuses a value while all places are used, and takes one again after`() {
    let ring = SwapRing(places: 3) { 0 }
    for number in 1...3 { #expect(ring.put { $0 = number }) }
    #expect(ring.isFull)
    #expect(!ring.put { $0 = 4 })
    var first = 0
    #expect(ring.take { first = $0 })
    #expect(first == 1)
    #expect(ring.put { $0 = 5 })
    #expect(ring.used == 3)
  }

  @Test func `gives back what the consumer left`() {
    let ring = SwapRing(places: 1) { [0] }
    #expect(ring.put { $0 = [1, 2, 3] })
    #expect(ring.take { $0.removeAll(keepingCapacity: true) })
    var found = [9]
    #expect(ring.put { found = $0 })
    #expect(found.isEmpty)
  }

  @Test func `passes a million values from thread to thread, each once and in order`() throws {
    let ring = SwapRing(places: 7) { 0 }
    let wakeup = try ConsumerWakeup()
    let count = 1_000_000
    let failures = Atomic<Int>(0)
    let sum = Atomic<Int>(0)
    let consumer = try KernelThread(name: "consumer", processor: nil) {
      var expected = 1
      while expected <= count {
        while ring.take({ value in
          if value != expected { failures.add(1, ordering: .relaxed) }
          sum.add(value, ordering: .relaxed)
          expected += 1
        }) {}
        // Longer than the suite's limit: a lost wake-up shows.
        if expected <= count { wakeup.wait(milliseconds: 600_000) { !ring.isEmpty } }
      }
    }
    for number in 1...count {
      while !ring.put({ $0 = number }) {}
      wakeup.notify()
    }
    consumer.join()
    #expect(failures.load(ordering: .relaxed) == 0)
    #expect(sum.load(ordering: .relaxed) == count * (count + 1) / 2)
  }
}
