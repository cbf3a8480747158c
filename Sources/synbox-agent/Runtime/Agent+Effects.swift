// What effects of the box's machine do, and what comes of it.
import Fleet
import FleetHost
import Kernel
import NATS
import NATSWire
import NIOCore
import NIOPosix

extension Agent {
  // MARK: Requests

  private static let patience = TimeAmount.seconds(10)

  private func request(
    _ subject: FleetSubject, _ body: [UInt8], then use: @escaping (Result<[UInt8], any Error>) -> Void
  ) {
    guard let subject = Subject(subject.text) else { return use(.failure(Fault("no subject"))) }
    client.request(subject, body: body, patience: Self.patience).assumeIsolated().whenComplete {
      use($0.map(\.body))
    }
  }

  func sayHello(_ nonce: String, _ bytes: [UInt8]) {
    request(.hello(box), bytes) { answer in
      switch answer {
      case .success(let body): self.handle(.answered(nonce: nonce, body))
      case .failure(let error): self.handle(.unanswered(nonce: nonce, "\(error)"))
      }
    }
  }

  func askBlob(_ digest: Digest, _ offset: UInt64) {
    request(.blob(box, digest), JSONValue.object(["offset": .number(offset)]).canonical) { answer in
      switch answer {
      case .success(let body): self.handle(.blobPiece(digest, offset: offset, body))
      case .failure(let error): self.handle(.blobUnavailable(digest, "\(error)"))
      }
    }
  }

  func sendChunk(_ shard: ShardID, _ digest: Digest, _ offset: UInt64, _ size: UInt64) {
    do throws(Fault) {
      let bytes = try folder.results(of: shard.jobName, at: offset, size: size)
      // The file must not have changed since it was cut.
      guard Digest(of: bytes) == digest else { throw Fault("results.csv of \(shard) has changed") }
      send(shard, digest, bytes)
    } catch {
      later(.chunkFailed(shard, digest, "\(error)"))
    }
  }

  func send(_ shard: ShardID, _ digest: Digest, _ bytes: [UInt8]) {
    request(.chunk(box, digest), bytes) { answer in
      switch answer {
      case .success(Array("ok".utf8)): self.handle(.chunkAccepted(shard, digest))
      case .success(let body):
        self.handle(.chunkFailed(shard, digest, String(decoding: body.prefix(300), as: UTF8.self)))
      case .failure(let error): self.handle(.chunkFailed(shard, digest, "\(error)"))
      }
    }
  }

  // MARK: Files

  func finishBlob(_ digest: Digest, _ wantsContent: Bool) throws(Fault) -> BoxMachine.Event {
    guard try folder.blobs.finish(digest) else { return .blobDamaged(digest) }
    let content = wantsContent ? try folder.blobs.read(digest, limit: SignedObject.largest) : nil
    return .blobStored(digest, content: content)
  }

  func submit(_ submission: BoxMachine.Submission) -> BoxMachine.Event {
    do throws(Fault) {
      try folder.submit(
        submission.name, head: Array(submission.directives.utf8), blobs: submission.blobs)
      return .submitted(submission.shard)
    } catch {
      return .submissionFailed(submission.shard, "\(error)")
    }
  }

  func readManifest(_ shard: ShardID) -> BoxMachine.Event {
    do throws(Fault) { return .manifestReady(shard, try folder.manifest(of: shard.jobName)) } catch {
      return .resultsUnreadable(shard, "\(error)")
    }
  }

  // MARK: What takes long

  func cutResults(_ shard: ShardID) {
    do throws(Fault) {
      let file = try folder.openResults(of: shard.jobName)
      let results = ResultsReader(file)
      onDisk {
        try results.cut()
      } then: { result in
        switch result {
        case .success(let facts): self.handle(.resultsCut(shard, facts))
        case .failure(let error): self.handle(.resultsUnreadable(shard, "\(error)"))
        }
      }
    } catch {
      later(.resultsUnreadable(shard, "\(error)"))
    }
  }

  func checkPlan(_ scan: Digest, _ description: ScanDescription) {
    let blobs = folder.blobs.path
    onDisk {
      try PlanFiles(blobs).mistake(in: description)
    } then: { result in
      switch result {
      case .success(let mistake): self.handle(.planChecked(scan, mistake: mistake))
      case .failure(let error): self.handle(.planChecked(scan, mistake: "\(error)"))
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
