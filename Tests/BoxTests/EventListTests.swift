import Box
import BoxAPI
import Plan
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A box` {
  private func play(_ list: EventList, slots: Int = 64) {
    var player = Player(slots: slots)
    for line in list.lines {
      if let mistake = player.play(line) {
        Issue.record("\(list.name): at \"\(line)\": \(mistake)")
        return
      }
    }
  }

  @Test(arguments: EventList.queue) func `takes files to results`(_ list: EventList) { play(list) }
  @Test(arguments: EventList.preemption) func `preempts jobs`(_ list: EventList) { play(list) }
  @Test(arguments: EventList.slots) func `runs no more scans than it has slots`(_ list: EventList) {
    play(list, slots: 2)
  }
  @Test(arguments: EventList.licence) func `shows its licence`(_ list: EventList) { play(list) }
  @Test(arguments: EventList.scope) func `obeys its scope`(_ list: EventList) { play(list) }
  @Test(arguments: EventList.storage) func `waits for its disk to work`(_ list: EventList) {
    play(list)
  }
  @Test(arguments: EventList.network) func `waits for its network`(_ list: EventList) { play(list) }
  @Test(arguments: EventList.disk) func `keeps its disk from filling`(_ list: EventList) { play(list) }
  @Test(arguments: EventList.cancelling) func `cancels jobs`(_ list: EventList) { play(list) }
  @Test(arguments: EventList.reloading) func `loses no reload`(_ list: EventList) { play(list) }
  @Test(arguments: EventList.ends) func `ends with its jobs saved`(_ list: EventList) { play(list) }
  @Test(arguments: EventList.entries) func `leaves alone what keeps failing`(_ list: EventList) {
    play(list)
  }
  @Test(arguments: EventList.stages) func `handles each event in each stage of a job`(_ list: EventList)
  {
    play(list)
  }

  @Test func `is described by at least 200 event lists, each with its own name`() {
    let lists = [
      EventList.queue, EventList.preemption, EventList.slots, EventList.scope, EventList.licence,
      EventList.storage,
      EventList.network, EventList.disk, EventList.cancelling, EventList.reloading, EventList.ends,
      EventList.entries, EventList.stages,
    ].flatMap(\.self)
    #expect(lists.count >= 200)
    #expect(Set(lists.map(\.name)).count == lists.count)
  }

  @Test func `is described by lists that can fail`() {
    var player = Player()
    #expect(player.play("start -> recover") == nil)
    #expect(player.play("recovered") == nil)
    #expect(player.play("file a -> prepare a") == "expected [\"prepare a\"], found [\"claim a\"]")
    #expect(player.play("= state scanning") == "expected scanning, found idle")
    #expect(player.play("log nothing") != nil)
  }

  /// At most 20 removals in one look, and the next look continues.
  @Test func `removes a bounded number of results in one look at the disk`() {
    var player = Player()
    for line in ["given started", "fetched " + (0..<30).map { "r\($0)" }.joined(separator: " ")] {
      #expect(player.play(line) == nil)
    }
    #expect(player.play("disk 95 -> delete r0") == nil)
    for removed in 0..<19 { #expect(player.play("removed -> delete r\(removed + 1)") == nil) }
    #expect(player.play("removed") == nil)
    #expect(player.play("= state idle") == nil)
    #expect(player.play("tick 1 -> delete r20") == nil)
    #expect(player.play("removed 80") == nil)
  }

  @Test func `runs a thousand small files, one of them sending while others cool down`() {
    var player = Player()
    _ = player.play("given started")
    var ended = 0
    for number in 0..<1000 {
      #expect(player.play("given cooling f\(number)") == nil)
      if number >= 60 {
        #expect(player.play("ended f\(ended) complete -> finish f\(ended)") == nil)
        #expect(player.play("settled f\(ended)") == nil)
        ended += 1
      }
    }
    #expect(player.play("= count jobs_finished 940") == nil)
    #expect(player.box.cooling.count == 60)
    #expect(Set(player.box.cooling.map(\.slot)).count == 60)
  }

  @Test func `writes its status once a second, and at once when its state changes`() {
    var box = Box(data: "/data", diskHighWater: 90, scopeSHA256: "s")
    func publications(_ event: Event, _ time: UInt64) -> Int {
      box.handle(event, at: time).count { $0 == .publish }
    }
    let second: UInt64 = 1_000_000_000
    #expect(publications(.tick, second) == 1)
    #expect(publications(.tick, 5 * second) == 0, "the first is not answered")
    #expect(publications(.published(.written), 5 * second) == 1)
    #expect(publications(.published(.written), 5 * second) == 0)
    #expect(publications(.tick, 5 * second + 900_000_000) == 0)
    #expect(publications(.scope(.invalid("x")), 5 * second + 910_000_000) == 1)
    #expect(publications(.published(.written), 5 * second + 910_000_000) == 0)
    #expect(publications(.scope(.valid(sha256: "s", newlyDenied: 0)), 5 * second + 950_000_000) == 0)
    #expect(publications(.tick, 6 * second + 10_000_000) == 1, "not more often than every 100 ms")
  }

  @Test func `fails if the spool gives an answer that fits no request`() {
    var box = Box(data: "/data", diskHighWater: 90, scopeSHA256: "s")
    _ = box.handle(.tick, at: 1)
    let effects = box.handle(.spool(.removed), at: 2)
    #expect(effects.contains(.exit(.fault("the spool gave an answer that does not fit the request"))))
  }
}
