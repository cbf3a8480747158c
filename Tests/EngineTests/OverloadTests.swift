// When senders give way to replies.
import Datapath
import Kernel
import Synchronization
import Testing
import Wire

@testable import Engine

/// A receiver whose event ring is as full as a test says.
private final class FillingReceiver: Receiver {
  let mode = ReceiveMode.xdpNative
  let reason: String? = nil
  let dedicatedSources: Set<IPv4Address> = []
  let dedicationFault: Fault? = nil
  let acceptsPartialChecksums = false
  let descriptor: Int32 = -1
  private let freeEvents = Atomic<Int>(1000)

  var free: Int {
    get { freeEvents.load(ordering: .relaxed) }
    set { freeEvents.store(newValue, ordering: .relaxed) }
  }
  var eventRoom: (free: Int, total: Int)? { (free, 1000) }

  func setKey(_ key: SipHashKey?, slot: Int) {}
  func drain(limit: Int, _ body: (Reply) -> Bool) throws(Fault) -> Int { 0 }
  func attach(generator program: Int32) throws(Fault) -> Int32? { nil }
  func fates() throws(Fault) -> FateCounts { FateCounts() }
  func fates(slot: Int) throws(Fault) -> FateCounts { FateCounts() }
}

@Suite(.timeLimit(.minutes(5))) struct `A sender that gives way to replies` {
  @Test func `stops when the event ring is half full, and goes on when it is nearly empty`() {
    let receiver = FillingReceiver()
    var overload = OverloadGuard(receiver)
    for (free, room) in [
      (1000, 1000), (700, 700), (500, 500), (499, 0), (500, 0), (874, 0), (875, 875), (600, 600),
      (0, 0), (874, 0), (1000, 1000),
    ] {
      receiver.free = free
      #expect(overload.room() == room, "\(free) free")
    }
  }
}
