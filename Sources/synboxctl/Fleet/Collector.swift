// Runs the collector's machine on an event loop: its effects become files and answers, and what comes of them events.
import Fleet
import FleetHost
import Kernel
import NATS
import NATSWire
import NIOCore
import NIOPosix
import Plan
import ServiceHost

/// The collector while it runs. All of it is on one event loop; what takes long is on threads for the disk.
final class Collector {
  private let loop: NIOIsolatedEventLoop
  private let pool: NIOThreadPool
  private let client: NATSClient
  private let path: String
  private var machine: CollectorMachine
  private let folder: CollectorFolder
  private let fail: (any Error) -> Void
  /// Requests that wait for their answers.
  private var replies: [UInt64: EventLoopPromise<[UInt8]?>] = [:]
  private var lastReply: UInt64 = 0
  /// The chunks of each box.
  private var chunks: [BoxName: BlobFolder] = [:]
  /// Of the scan whose results were checked last.
  private var plan: FleetPlan?

  static let tick = TimeAmount.milliseconds(500)

  init(
    _ machine: CollectorMachine, _ folder: CollectorFolder, client: NATSClient,
    loop: NIOIsolatedEventLoop, pool: NIOThreadPool, fail: @escaping (any Error) -> Void
  ) {
    self.machine = machine
    path = folder.path
    self.folder = folder
    self.client = client
    self.loop = loop
    self.pool = pool
    self.fail = fail
  }

  var snapshot: CollectorSnapshot { machine.snapshot(at: Clock.boottime) }

  /// The summary.json of a merged scan, a few KB; nil if there is none.
  func summary(of scan: Digest) -> [UInt8]? {
    try? Files.read("\(CollectorMerge.directory(folder.path, scan))/summary.json", limit: 1 << 20)
  }

  // MARK: Events

  /// Does what is due at the start, and then takes requests.
  func start() throws {
    for effect in machine.start(at: Clock.boottime) { try perform(effect) }
    tick()
    for text in FleetSubject.patterns {
      guard let pattern = Subject(text) else { continue }
      let bound = NIOLoopBound(self, eventLoop: loop.nonisolated())
      client.serve(pattern) { message in bound.value.take(message) }
    }
  }

  func tick() { handle(.tick(date: Clock.realtime / 1_000_000_000)) }

  private func take(_ message: Message) -> EventLoopFuture<[UInt8]?> {
    let promise = loop.nonisolated().makePromise(of: [UInt8]?.self)
    lastReply += 1
    replies[lastReply] = promise
    switch FleetSubject(message.subject) {
    case .hello(let box): handle(.hello(box, message.body, reply: lastReply))
    case .blob(let box, let digest): handle(.blobAsked(box, digest, message.body, reply: lastReply))
    case .chunk(let box, let digest): handle(.chunk(box, digest, message.body, reply: lastReply))
    case .operation: handle(.operation(message.body, reply: lastReply))
    case nil: answer(lastReply, nil)
    }
    return promise.futureResult
  }

  private func answer(_ reply: UInt64, _ bytes: [UInt8]?) {
    replies.removeValue(forKey: reply)?.succeed(bytes)
  }

  private func handle(_ event: CollectorMachine.Event) {
    for effect in machine.handle(event, at: Clock.boottime) {
      do { try perform(effect) } catch { return fail(error) }
    }
  }

  /// After the effects that are on their way.
  private func later(_ event: CollectorMachine.Event) { loop.execute { self.handle(event) } }

  // MARK: Effects

  private func perform(_ effect: CollectorMachine.Effect) throws {
    switch effect {
    case .answer(let reply, let bytes): answer(reply, bytes)
    case .appendGrant(let bytes): try folder.appendGrant(bytes)
    case .replaceGrants(let bytes): try folder.replaceGrants(bytes)
    case .sendBlob(let digest, let offset, let reply): try sendBlob(digest, offset, reply)
    case .saveObject(let digest, let bytes): try folder.blobs.write(digest, bytes)
    case .storeChunk(let box, let digest, let bytes, let reply): store(box, digest, bytes, reply)
    case .readManifest(let box, let digest):
      later(.manifestRead(box, digest, try chunks(of: box).read(digest, limit: Manifest.largest)))
    case .removeChunks(let box, let digests):
      for digest in digests { try chunks(of: box).remove(digest) }
    case .verify(let verification): verify(verification)
    case .accept(let entry):
      try folder.accept(entry)
      later(.accepted(entry.shard))
    case .saveBoxes(let boxes): try folder.save(boxes)
    case .saveScans(let scans): try folder.save(scans)
    case .saveDenyLists(let lists): try folder.save(denyLists: lists)
    case .storeBlobPiece(let digest, let size, let offset, let bytes, let reply):
      storePiece(digest, size, offset, bytes, reply)
    case .plan(let description): makePlan(description)
    case .checkDenyList(let digest): checkDenyList(digest)
    case .merge(let scan, let entries): merge(scan, entries)
    case .log(let text): Log.write(.notice, text)
    }
  }

  private func chunks(of box: BoxName) throws(Fault) -> BlobFolder {
    if let known = chunks[box] { return known }
    let made = try CollectorFolder.chunks(path, of: box)
    chunks[box] = made
    return made
  }

  private func sendBlob(_ digest: Digest, _ offset: UInt64, _ reply: UInt64) throws(Fault) {
    let piece = try folder.blobs.read(digest, at: offset, count: FleetSubject.largestPiece)
    // Without an answer, the box asks again.
    answer(reply, piece)
  }

  private func store(_ box: BoxName, _ digest: Digest, _ bytes: [UInt8], _ reply: UInt64) {
    do throws(Fault) {
      try chunks(of: box).write(digest, bytes)
      answer(reply, Array("ok".utf8))
      later(.chunkStored(box, digest, size: UInt64(bytes.count)))
    } catch {
      later(.chunkFailed(box, digest, "\(error)", reply: reply))
    }
  }

  private func storePiece(
    _ digest: Digest, _ size: UInt64, _ offset: UInt64, _ bytes: [UInt8], _ reply: UInt64
  ) {
    let isLast = offset + UInt64(bytes.count) == size
    var mistake: String?
    do throws(Fault) {
      try folder.blobs.append(digest, at: offset, bytes)
      if isLast, try !folder.blobs.finish(digest) { mistake = "the bytes have another SHA-256" }
    } catch {
      mistake = "\(error)"
    }
    later(.blobPieceStored(digest, size: size, isWhole: isLast, mistake: mistake, reply: reply))
  }

  // MARK: What takes long

  private func makePlan(_ description: ScanDescription) {
    let files = PlanFiles(folder.blobs.path)
    onDisk {
      try files.plan(description)
    } then: { result in
      switch result {
      case .success(let plan):
        self.plan = plan
        self.handle(.planned(description.id, .success(plan.facts)))
      case .failure(let error):
        self.handle(.planned(description.id, .failure(FleetError("\(error)"))))
      }
    }
  }

  private func verify(_ verification: CollectorMachine.Verification) {
    let (check, files) = (ShardCheck(path), PlanFiles(folder.blobs.path))
    let known = plan.flatMap { $0.description == verification.description ? $0 : nil }
    onDisk { [verification] in
      let plan = try known ?? files.plan(verification.description)
      return (plan, try check.run(verification, plan: plan))
    } then: { (result: Result<(FleetPlan, CollectorMachine.Finding), any Error>) in
      switch result {
      case .success((let plan, let finding)):
        self.plan = plan
        self.handle(.verified(verification.offer, verification.manifest.box, finding))
      case .failure(let error): self.fail(error)
      }
    }
  }

  private func checkDenyList(_ digest: Digest) {
    let files = PlanFiles(folder.blobs.path)
    onDisk {
      try files.denyList(digest)
    } then: { result in
      var mistake: String?
      if case .failure(let error) = result { mistake = "\(error)" }
      self.handle(.denyListChecked(digest, mistake: mistake))
    }
  }

  private func merge(_ scan: Digest, _ entries: [LedgerEntry]) {
    guard let (description, earlier) = machine.scanToMerge(scan) else { return }
    let merge = CollectorMerge(path, description, entries)
    let place = CollectorMerge.directory(path, scan)
    onDisk {
      try merge.run(earlier: earlier)
    } then: { result in
      switch result {
      case .success: Log.write(.notice, "merged", ["scan": scan.short, "results": place])
      case .failure(let error): self.fail(error)
      }
    }
  }

  private func onDisk<Value: Sendable>(
    _ work: @escaping @Sendable () throws -> Value,
    then use: @escaping (Result<Value, any Error>) -> Void
  ) {
    pool.runIfActive(eventLoop: loop.nonisolated(), work).assumeIsolated().whenComplete(use)
  }
}
