// A box of the simulation: its disk, its scanner, and the agent's process with the real machine.
import Plan
import Wire

@testable import Fleet

final class SimulatedBox {
  struct Job {
    var shard: ShardID
    var isQueued = true
    /// Targets settled; after a reboot the scanner resumes from the checkpoint.
    var position: UInt64 = 0
    var rows: [(position: UInt64, text: String)] = []
    var denied: [UInt64] = []
    var checkpoint: UInt64 = 0
    var coolsUntil: UInt64?
    var isFinished = false
    var incomplete: String?
    var hasReceipt = false

    var results: [UInt8] { Array(("saddr,sport\n" + rows.map(\.text).joined()).utf8) }
  }

  struct Disk {
    var state = BoxMachine.State()
    var blobs: [Digest: [UInt8]] = [:]
    var unfinished: [Digest: [UInt8]] = [:]
    var deny: [UInt8] = []
    var licence: LicenceFile?
    var jobs: [String: Job] = [:]
    var manifests: [ShardID: [UInt8]] = [:]
  }

  let world: World
  let name: BoxName
  var disk = Disk()
  private var boot: UInt64
  private(set) var machine: BoxMachine?
  /// Counts processes, so that what belongs to an earlier one is dropped.
  private var process = 0
  private var stoppedUntil: UInt64 = 0
  private(set) var cutUntil: UInt64 = 0
  private(set) var isGone = false
  private var isDown = false
  private var scannerDeadUntil: UInt64 = 0
  /// When the scanner last said something.
  private var beat: UInt64 = 0
  /// Parts per thousand by which its clock is fast.
  private let drift: Int64
  private let offset: UInt64
  var credit = 0.0
  var denied = AddressSet()
  /// What the box's own scope denies.
  var ownDenied = AddressSet()
  /// Claims rows that belong to other shards.
  var isLying = false
  private var connected = false

  init(_ world: World, _ name: String, copying disk: Disk? = nil) {
    self.world = world
    self.name = BoxName(name)!
    boot = world.pick(1...UInt64.max)
    drift = Int64(world.pick(0...10)) - 5
    offset = world.pick(0...1000) * second
    if let disk {
      self.disk = disk
      denied = Self.addresses(disk.deny)
    }
    world.after(world.pick(1...2000) * millisecond) { [self] in startAgent() }
    loop(100 * millisecond) { [self] in
      if world.now >= scannerDeadUntil { scan(0.1) }
    }
    loop(500 * millisecond) { [self] in
      if world.now >= scannerDeadUntil { beat = world.now }
      tell(.scanner(BoxMachine.Scanner(licence: "valid", rate: 1, beat: "\(beat)")))
      tell(.disk(listing))
      tell(.tick(date: 1000))
    }
  }

  private func loop(_ interval: UInt64, _ body: @escaping () -> Void) {
    world.after(interval) { [self] in
      guard !isGone else { return }
      if !isDown { body() }
      loop(interval, body)
    }
  }

  static func addresses(_ list: [UInt8]) -> AddressSet {
    list.isEmpty ? AddressSet() : (try! AddressList.parse(list, name: "deny"))
  }

  var isCut: Bool { world.now < cutUntil || isDown || isGone }
  private var bootID: String { "boot-\(boot)" }
  private var clock: UInt64 { clock(at: world.now) }
  private func clock(at time: UInt64) -> UInt64 {
    let passed = time + offset
    return UInt64(Int64(passed) + Int64(passed) / 1000 * drift)
  }

  /// Probes per second that the scanner may send now.
  var licensedRate: UInt64 {
    guard !isGone, !isDown, let licence = disk.licence, licence.bootID == bootID,
      clock < licence.expires, licence.denyDigest == Digest(of: disk.deny)
    else { return 0 }
    return licence.rate
  }

  // MARK: Faults

  func startAgent() {
    guard !isGone, !isDown, machine == nil else { return }
    process += 1
    var settings = BoxMachine.Settings(
      name: name, instance: String(Digest(of: Array(bootID.utf8)).short.prefix(12)), bootID: bootID,
      version: "1", token: "\(boot)-\(process)", publicKey: ToyCrypto.key(name),
      fleetKey: ToyCrypto.fleetKey, submitKeys: [ToyCrypto.operatorPublicKey],
      denyKeys: [ToyCrypto.operatorPublicKey])
    settings.interval = second
    disk.unfinished = [:]
    machine = BoxMachine(
      settings, state: disk.state, blobs: disk.blobs.mapValues { $0.count < 100_000 ? $0 : nil },
      crypto: ToyCrypto(boxKey: ToyCrypto.key(name)))
    tell(.connected)
  }

  func killAgent(for time: UInt64) {
    machine = nil
    process += 1
    world.after(time) { [self] in startAgent() }
  }

  func stopAgent(for time: UInt64) { stoppedUntil = world.now + time }
  func killScanner(for time: UInt64) { scannerDeadUntil = world.now + time }
  func cut(for time: UInt64) { cutUntil = world.now + time }

  /// Power off; the scanner resumes from its checkpoints, in another boot.
  func reboot(for time: UInt64) {
    isDown = true
    machine = nil
    process += 1
    for (name, job) in disk.jobs where !job.isFinished {
      var job = job
      job.position = job.checkpoint
      job.rows.removeAll { $0.position >= job.checkpoint }
      job.denied.removeAll { $0 >= job.checkpoint }
      job.coolsUntil = nil
      disk.jobs[name] = job
    }
    world.after(time) { [self] in
      boot &+= 1
      isDown = false
      credit = 0
      startAgent()
    }
  }

  func vanish() {
    isGone = true
    machine = nil
    process += 1
  }

  // MARK: Agent

  func tell(_ event: BoxMachine.Event) {
    guard machine != nil else { return }
    let mine = process
    if world.now < stoppedUntil {
      // A stopped process reads messages later, and makes no listing.
      switch event {
      case .tick, .disk, .scanner: return
      default: break
      }
      world.at(stoppedUntil) { [self] in if process == mine { tell(event) } }
      return
    }
    let effects = machine?.handle(event, at: clock) ?? []
    for effect in effects {
      perform(effect, mine)
      if !world.isCalm, world.faults.deathsInEffects > 0,
        world.pick(0...999) < UInt64(world.faults.deathsInEffects)
      {
        world.happened("agent died in effects")
        return killAgent(for: world.pick(100...5000) * millisecond)
      }
    }
  }

  private func later(_ mine: Int, _ event: BoxMachine.Event) {
    world.after(world.pick(1...50) * millisecond) { [self] in if process == mine { tell(event) } }
  }

  private func ask(
    _ mine: Int, _ event: @escaping (UInt64) -> CollectorMachine.Event,
    then answer: @escaping ([UInt8]?) -> BoxMachine.Event
  ) {
    world.request(from: self, event) { [self] bytes in if process == mine { tell(answer(bytes)) } }
  }

  private func perform(_ effect: BoxMachine.Effect, _ mine: Int) {
    let name = name
    switch effect {
    case .sayHello(let nonce, let bytes):
      ask(
        mine, { .hello(name, bytes, reply: $0) },
        then: { $0.map { .answered(nonce: nonce, $0) } ?? .unanswered(nonce: nonce, "late") })
    case .askBlob(let digest, let offset):
      let body = JSONValue.object(["offset": .number(offset)]).canonical
      ask(
        mine, { .blobAsked(name, digest, body, reply: $0) },
        then: {
          $0.map { .blobPiece(digest, offset: offset, $0) } ?? .blobUnavailable(digest, "late")
        })
    case .appendBlob(let digest, let offset, let bytes):
      disk.unfinished[digest] = Array((disk.unfinished[digest] ?? []).prefix(Int(offset))) + bytes
    case .finishBlob(let digest, let wantsContent):
      let bytes = disk.unfinished.removeValue(forKey: digest) ?? []
      guard Digest(of: bytes) == digest else { return later(mine, .blobDamaged(digest)) }
      disk.blobs[digest] = bytes
      later(mine, .blobStored(digest, content: wantsContent ? bytes : nil))
    case .removeBlob(let digest): disk.blobs[digest] = nil
    case .saveState(let state):
      if state.denySequence < disk.state.denySequence { world.violate("\(name): an older deny list") }
      disk.state = state
    case .installDenyList(let digest, let isEmpty):
      guard let list = isEmpty ? [] : disk.blobs[digest] else {
        return world.violate("\(name): a deny list that is not there")
      }
      disk.deny = list
      denied = Self.addresses(list)
    case .writeLicence(let file):
      disk.licence = file
      world.checkRates()
    case .log: break
    case .checkPlan(let scan, _): later(mine, .planChecked(scan, mistake: nil))
    default: performJob(effect, mine)
    }
  }

  private func performJob(_ effect: BoxMachine.Effect, _ mine: Int) {
    let name = name
    switch effect {
    case .submit(let submission):
      if disk.jobs[submission.name] == nil { disk.jobs[submission.name] = Job(shard: submission.shard) }
      later(mine, .submitted(submission.shard))
    case .cancel(let jobName):
      guard var job = disk.jobs[jobName], !job.isFinished else { return }
      job.isFinished = true
      job.incomplete = "cancelled"
      disk.jobs[jobName] = job
    case .discard(let jobName):
      if let job = disk.jobs[jobName], job.incomplete == nil {
        world.violate("\(name): results discarded")
      }
      disk.jobs[jobName] = nil
    case .cutResults(let shard):
      guard let job = disk.jobs[shard.jobName] else { return }
      var cutter = ResultCutter(largestChunk: 700)
      do {
        try cutter.add(job.results)
        later(mine, .resultsCut(shard, try cutter.finish()))
      } catch {
        world.violate("\(name): \(error)")
      }
    case .readManifest(let shard): later(mine, .manifestReady(shard, disk.manifests[shard] ?? []))
    case .writeManifest(let shard, let bytes):
      disk.manifests[shard] = bytes
      later(mine, .manifestReady(shard, bytes))
    case .sendChunk(let shard, let digest, let offset, let size):
      let results = disk.jobs[shard.jobName]?.results ?? []
      let bytes = Array(results.dropFirst(Int(offset)).prefix(Int(size)))
      send(mine, shard, digest, bytes)
    case .sendManifest(let shard, let digest, let bytes): send(mine, shard, digest, bytes)
    case .writeReceipt(let shard):
      disk.jobs[shard.jobName]?.hasReceipt = true
      if !world.collector.isSettled(shard) { world.violate("\(name): a receipt without ledger") }
    default: break
    }
  }

  private func send(_ mine: Int, _ shard: ShardID, _ digest: Digest, _ bytes: [UInt8]) {
    let name = name
    ask(
      mine, { .chunk(name, digest, bytes, reply: $0) },
      then: { answer in
        let text = answer.map { String(decoding: $0, as: UTF8.self) } ?? "late"
        return text == "ok" ? .chunkAccepted(shard, digest) : .chunkFailed(shard, digest, text)
      })
  }
}
