// The agent's machine, by lists of events.
import Testing

@testable import Fleet

/// A box that knows one scan of eight shards, and has deny list 3 in force.
private struct Player {
  var machine: BoxMachine
  let scan: ScanDescription
  var now: UInt64 = 100 * second
  /// Since the last call of `play`.
  var effects: [BoxMachine.Effect] = []
  private(set) var nonce = ""

  static let name = BoxName("b1")!
  static let deny = Digest(of: Array("list".utf8))

  init() throws {
    scan = try fleetPlan("198.18.0.0/28\n", ports: "80", shards: 8, rate: 100).description
    let blob = ToyCrypto.operatorSigned(scan.body, .scan)
    var settings = BoxMachine.Settings(
      name: Self.name, instance: "0123456789ab", bootID: "boot", version: "1", token: "t",
      publicKey: ToyCrypto.key(Self.name), fleetKey: ToyCrypto.fleetKey,
      submitKeys: [ToyCrypto.operatorPublicKey], denyKeys: [ToyCrypto.operatorPublicKey])
    settings.interval = second
    machine = BoxMachine(
      settings, state: .init(generation: 5, denySequence: 3, denyDigest: Self.deny),
      blobs: [Digest(of: blob): blob], crypto: ToyCrypto(boxKey: ToyCrypto.key(Self.name)))
    play(.connected)
    play(.disk([]))
    beat()
  }

  mutating func play(_ event: BoxMachine.Event) {
    effects = machine.handle(event, at: now)
    for case .sayHello(let nonce, _) in effects { self.nonce = nonce }
  }

  /// A living scanner's status.
  mutating func beat() { play(.scanner(.init(licence: "valid", beat: "\(now)"))) }

  mutating func wait(_ seconds: UInt64, isAlive: Bool = true) {
    for _ in 0..<seconds * 2 {
      now += second / 2
      if isAlive { beat() }
      play(.tick(date: 1000))
    }
  }

  /// Answers the last hello.
  mutating func answer(_ change: (inout Licence) -> Void = { _ in }, key: SigningKey = .fleet) {
    var licence = Licence(
      box: Self.name, nonce: nonce, generation: 6, rate: 100, ttlMilliseconds: 4000,
      denySequence: 3, denyDigest: Self.deny, denyBlob: nil, intervalMilliseconds: 1000)
    change(&licence)
    let crypto = ToyCrypto(boxKey: ToyCrypto.key(Self.name))
    guard let signed = SignedObject.sign(licence.body, .licence, with: key, crypto) else { return }
    play(.answered(nonce: nonce, signed.bytes))
  }

  var written: LicenceFile? {
    for case .writeLicence(let file) in effects { return file }
    return nil
  }

  func shard(_ number: UInt32) -> ShardID { ShardID(scan: scan.id, number: number) }

  func job(_ number: UInt32, done: UInt64) -> BoxMachine.JobOnDisk {
    .init(name: shard(number).jobName, stage: .active(done: done, size: 2))
  }

  mutating func hello() -> Hello { machine.hello("nonce") }
}

@Suite(.timeLimit(.minutes(5))) struct `The machine of a box` {
  @Test func `says hello once it is connected, and again after the interval`() throws {
    var player = try Player()
    let first = player.nonce
    #expect(!first.isEmpty)
    player.answer()
    player.wait(1)
    #expect(player.nonce != first)
  }

  @Test func `has its licence end by the time before its hello`() throws {
    var player = try Player()
    let before = player.now
    player.now += 3 * second
    player.answer()
    #expect(player.written?.expires == before + 4 * second)
    #expect(player.written?.rate == 100)
  }

  @Test func `takes no licence that came too late`() throws {
    var player = try Player()
    player.now += 4 * second
    player.answer()
    #expect(player.written == nil)
  }

  @Test func `believes the collector's own, newest answer to its hello alone`() throws {
    var player = try Player()
    let other = BoxName("b2")!
    for change: @Sendable (inout Licence) -> Void in [
      { $0.box = other }, { $0.nonce = "another" }, { $0.generation = 4 },
    ] {
      player.answer(change)
      #expect(player.written == nil)
      #expect(player.machine.problems.contains { $0.contains("the collector's answer") })
      player.wait(2)
    }
    player.answer(key: .box)
    #expect(player.written == nil)
    player.wait(2)
    player.answer()
    #expect(player.written != nil)
    #expect(player.machine.problems == [])
  }

  @Test func `writes no licence before its deny list is in force, and never an older list`() throws {
    var player = try Player()
    player.answer { ($0.denySequence, $0.denyBlob) = (4, Digest(of: [1])) }
    #expect(player.written == nil)
    #expect(player.machine.problems == ["deny list 4 is not here yet"])
    player.wait(2)
    player.answer { $0.denyDigest = Digest(of: [2]) }
    #expect(player.written == nil)
    #expect(player.machine.problems.contains { $0.contains("two deny lists have the number 3") })
    player.wait(2)
    player.answer { $0.denySequence = 0 }
    #expect(player.written == nil)
    player.wait(2)
    player.answer { $0.denySequence = 2 }
    #expect(player.written?.denySequence == 3)
  }

  @Test func `cancels a job that it claimed and does not hold`() throws {
    var player = try Player()
    player.play(.disk([player.job(1, done: 1), player.job(2, done: 0)]))
    player.answer { [shard = player.shard(1)] in $0.hold = [shard] }
    // The hello was sent before the jobs were seen, so it claimed neither.
    #expect(!player.effects.contains { if case .cancel = $0 { true } else { false } })
    player.wait(1)
    player.answer { [shard = player.shard(1)] in $0.hold = [shard] }
    #expect(player.effects.contains(.cancel(player.shard(2).jobName)))
    #expect(!player.effects.contains(.cancel(player.shard(1).jobName)))
  }

  @Test func `does not claim the shards of a dead scanner`() throws {
    var player = try Player()
    player.play(.disk([player.job(1, done: 1)]))
    #expect(player.hello().claims.map(\.shard) == [player.shard(1)])
    player.wait(14, isAlive: false)
    #expect(player.hello().claims.count == 1)
    player.wait(1, isAlive: false)
    #expect(player.hello().claims == [])
    #expect(player.hello().wants == 0)
    #expect(player.hello().problems.contains { $0.contains("the scanner has said nothing") })
    // A status that stays the same is no life.
    player.play(.scanner(player.machine.scanner))
    #expect(player.hello().claims == [])
    player.beat()
    #expect(player.hello().claims.map(\.shard) == [player.shard(1)])
    #expect(player.hello().wants == 1)
  }
}
