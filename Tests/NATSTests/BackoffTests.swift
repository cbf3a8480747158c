import Testing

@testable import NATS

@Suite(.timeLimit(.minutes(5))) struct `The next attempt to reach a NATS server` {
  @Test func `comes later and later, once all servers were tried`() {
    var random = SystemRandomNumberGenerator()
    var backoff = Backoff()
    let longest: [Int64] = [300, 300, 600, 600, 1200, 1200, 2400, 2400, 4800, 4800, 9600, 9600, 10_000]
    for most in longest + [10_000, 10_000] {
      for _ in 0..<100 {
        let wait = backoff.wait(servers: 2, using: &random)
        #expect(wait >= most * 500_000 && wait <= most * 1_000_000, "\(wait)")
      }
      backoff.fail()
    }
    backoff.succeed()
    #expect(backoff.wait(servers: 2, using: &random) <= Backoff.shortest)
  }

  @Test func `goes to each server in turn, and to those that were learnt`() throws {
    let all = try (1...3).map { try NATSServer(parsing: "127.0.0.\($0):4222") }
    var list = ServerList(Array(all[..<2]))
    #expect((0..<4).map { _ in list.take() } == [all[0], all[1], all[0], all[1]])
    #expect(list.take(avoiding: all[0]) == all[1])
    list.learn(["localhost:4222", all[2].description, all[0].description, all[2].description])
    #expect(list.count == 3)
    let taken = Set((0..<3).compactMap { _ in list.take() })
    #expect(taken == Set(all))
    list.learn([])
    #expect(list.count == 3)
    list.learn((0..<100).map { "127.0.1.\($0):4222" })
    #expect(list.count == 2 + ServerList.mostLearnt)
    var single = ServerList([all[0]])
    #expect(single.take(avoiding: all[0]) == all[0])
  }
}
