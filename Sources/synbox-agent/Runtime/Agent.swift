// Runs the box's machine on an event loop: its effects become files and requests, and what comes of them events.
import BoxAPI
import Fleet
import FleetHost
import Kernel
import NATS
import NATSWire
import NIOCore
import NIOPosix
import ServiceHost

/// The agent while it runs. All of it is on one event loop; what takes long is on a thread for the disk.
final class Agent {
  let loop: NIOIsolatedEventLoop
  let pool: NIOThreadPool
  let client: NATSClient
  let box: BoxName
  private var machine: BoxMachine
  let folder: AgentFolder
  private var looks = 0

  /// Ends the process. Called once something cannot be written: the next process begins from the disk.
  let fail: (any Error) -> Void

  /// Between two ticks of the machine.
  static let tick = TimeAmount.milliseconds(200)
  /// Ticks between two looks at the data directory.
  private static let ticksPerLook = 3

  init(
    _ machine: BoxMachine, _ folder: AgentFolder, box: BoxName, client: NATSClient,
    loop: NIOIsolatedEventLoop, pool: NIOThreadPool, fail: @escaping (any Error) -> Void
  ) {
    self.machine = machine
    self.folder = folder
    self.box = box
    self.client = client
    self.loop = loop
    self.pool = pool
    self.fail = fail
  }

  // MARK: Events

  func tick() {
    looks += 1
    if looks % Self.ticksPerLook == 0 { look() }
    handle(.tick(date: Clock.realtime / 1_000_000_000))
  }

  func handle(_ event: BoxMachine.Event) {
    for effect in machine.handle(event, at: Clock.boottime) {
      do { try perform(effect) } catch { return fail(error) }
    }
  }

  private func look() {
    let status = folder.status()
    handle(.scanner(Self.scanner(status)))
    do { handle(.disk(try folder.jobs(status))) } catch { fail(error) }
  }

  private static func scanner(_ status: BoxSnapshot?) -> BoxMachine.Scanner {
    guard let status, !status.isFinal else {
      return .init(licence: nil, problems: ["the scanner does not run"])
    }
    return .init(
      licence: status.licence?.state, reason: status.licence?.reason,
      rate: UInt64(max(0, status.job?.progress?.rate ?? 0)), sent: status.counters[.probesCompleted],
      problems: status.problems, beat: status.time.text)
  }

  // MARK: Effects

  private func perform(_ effect: BoxMachine.Effect) throws {
    switch effect {
    case .sayHello(let nonce, let bytes): sayHello(nonce, bytes)
    case .askBlob(let digest, let offset): askBlob(digest, offset)
    case .appendBlob(let digest, let offset, let bytes):
      try folder.blobs.append(digest, at: offset, bytes)
    case .finishBlob(let digest, let wantsContent): later(try finishBlob(digest, wantsContent))
    case .removeBlob(let digest): try folder.blobs.remove(digest)
    case .saveState(let state): try folder.save(state)
    case .installDenyList(let digest, let isEmpty):
      try folder.installDenyList(digest, isEmpty: isEmpty)
    case .writeLicence(let licence): try folder.write(licence)
    case .checkPlan(let scan, let description): checkPlan(scan, description)
    case .submit(let submission): later(submit(submission))
    case .cancel(let shard): try folder.cancel(shard)
    case .discard(let shard): try folder.markFetched(shard)
    case .writeReceipt(let shard): try folder.markFetched(shard.jobName)
    case .cutResults(let shard): cutResults(shard)
    case .readManifest(let shard): later(readManifest(shard))
    case .writeManifest(let shard, let bytes):
      try folder.writeManifest(of: shard.jobName, bytes)
      later(.manifestReady(shard, bytes))
    case .sendChunk(let shard, let digest, let offset, let size):
      sendChunk(shard, digest, offset, size)
    case .sendManifest(let shard, let digest, let bytes): send(shard, digest, bytes)
    case .log(let text): Log.write(.notice, text)
    }
  }

  /// After the effects that are on their way.
  func later(_ event: BoxMachine.Event) { loop.execute { self.handle(event) } }
}
