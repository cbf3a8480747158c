// A body on its way to the disk: the loop reads from the client, another thread writes, and neither gets far ahead.
import Kernel
import Manage
import ManageHost
import NIOCore
import ServiceHost

final class UploadStream {
  private let connection: Connection
  private let principal: Principal
  private let name: String
  private var upload: Upload?
  private var waiting: [UInt8] = []
  private var isWorking = false
  private var isOver = false
  private(set) var hasEnded = false
  private var received: UInt64 = 0
  private let began = Clock.monotonic
  private var lastProgress = Clock.monotonic

  /// Bytes in memory above which no more are read.
  private static let highWater = 1 << 19

  init(_ connection: Connection, isHead: Bool, principal: Principal, name: String) {
    self.connection = connection
    self.principal = principal
    self.name = name
    connection.service.transfers += 1
  }

  deinit { connection.service.transfers -= 1 }

  func begin(length: UInt64?, digest: [UInt8]?, expectsContinue: Bool) {
    let service = connection.service
    let folder = service.parts.folder
    let limit = UInt64(service.parts.settings.uploadLimit)
    let (name, principal) = (name, principal)
    isWorking = true
    service.work {
      try Upload(
        folder, name: name, principal: principal, length: length, digest: digest, limit: limit)
    } then: { [self] result in
      isWorking = false
      switch result {
      case .success(let upload):
        // The connection may have ended meanwhile.
        guard !isOver else {
          return service.work {
            upload.abandon()
          } then: { _ in
          }
        }
        self.upload = upload
        lastProgress = Clock.monotonic
        if expectsContinue { connection.sendContinue() }
        proceed()
      case .failure(let error): fail(error)
      }
    }
  }

  func take(_ bytes: ByteBuffer) {
    guard !isOver else { return }
    waiting += bytes.readableBytesView
    received += UInt64(bytes.readableBytes)
    lastProgress = Clock.monotonic
    proceed()
  }

  func end() {
    hasEnded = true
    proceed()
  }

  private func proceed() {
    connection.holdReading(
      upload == nil || waiting.count >= connection.service.pieceSize(atMost: Self.highWater))
    guard !isWorking, !isOver, let upload else { return }
    let service = connection.service
    if !waiting.isEmpty {
      let bytes = waiting
      waiting = []
      isWorking = true
      service.metrics.bytesReceived += UInt64(bytes.count)
      service.work {
        try upload.write(bytes)
      } then: { [self] result in
        isWorking = false
        lastProgress = Clock.monotonic
        if case .failure(let error) = result { fail(error) } else { proceed() }
      }
    } else if hasEnded {
      isWorking = true
      service.work {
        try upload.finish()
      } then: { [self] result in
        isWorking = false
        finish(result)
      }
    }
  }

  private func finish(_ result: Result<Submitted, any Error>) {
    guard case .success(let submitted) = result else {
      if case .failure(let error) = result { fail(error) }
      return
    }
    isOver = true
    Log.write(.notice, "submitted", ["job": name, "by": principal.name, "bytes": "\(received)"])
    connection.finishUpload(
      self,
      .json(
        201, JSONText.line(submitted),
        [HeaderField("Location", "/v1/jobs/\(RequestTarget.encode(name))")]))
  }

  private func fail(_ error: any Error) {
    guard !isOver else { return }
    let problem: Problem
    if let known = error as? Problem {
      problem = known
    } else {
      Log.write(.error, "an upload failed", ["error": "\(error)"])
      problem = Problem(500, "The service failed", "the log of the service says why")
    }
    connection.refuseUpload(self, problem)
  }

  /// Ends the upload. `then` is called once nothing of it is left.
  func abandon(then: @escaping () -> Void = {}) {
    isOver = true
    waiting = []
    guard let upload else { return then() }
    self.upload = nil
    connection.service.work {
      upload.abandon()
    } then: { _ in
      then()
    }
  }

  /// Whether the client, not the disk, keeps the upload waiting.
  func isTooSlow(now: UInt64) -> Bool {
    guard !hasEnded, !isWorking, upload != nil else { return false }
    let allowed = 60 + received / 1024
    return now > lastProgress + Connection.Limit.stall || (now - began) / 1_000_000_000 > allowed
  }
}
