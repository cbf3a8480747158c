// Fetches one file: into `.FILE.part` with a note beside it, then by one rename to its name.
import BoxClient
import Crypto
import Kernel
import NIOCore
import NIOHTTP1
import Support

/// A file that is here, whole and verified.
struct FetchedFile: Encodable {
  let file: String
  let path: String
  let bytes: UInt64
  /// In hexadecimal digits.
  let sha256: String
  /// Where the last attempt began.
  let resumedAt: UInt64

  enum CodingKeys: String, CodingKey {
    case file, path, bytes, sha256
    case resumedAt = "resumed_at"
  }
}

struct FileFetcher {
  /// Attempts that bring nothing, one after another, after which the fetcher gives up.
  static let attempts = 5

  let connection: BoxConnection
  let job: String
  let file: String
  let directory: String
  /// Is told the bytes so far, and the size if it is known.
  let report: (UInt64, UInt64?) -> Void

  private var path: String { "\(directory)/\(file)" }
  private var partPath: String { "\(directory)/.\(file).part" }
  private var notePath: String { "\(directory)/.\(file).note" }

  /// Fetches the file, over as many connections as it takes.
  func fetch() async throws -> FetchedFile {
    var failures = 0
    var didMismatch = false
    while true {
      var partial = try partial()
      let before = partial?.size ?? 0
      do {
        return try await attempt(&partial)
      } catch let mismatch as Mismatch {
        // The part may be of a file that changed meanwhile. Once from the start decides.
        try discard()
        guard !didMismatch, mismatch.wasResumed else { throw mismatch.fault }
        didMismatch = true
      } catch is Outdated {
        try discard()
        failures += 1
        guard failures < Self.attempts else {
          throw Fault("the box does not let \(Escaping.visible(file)) be fetched in parts")
        }
      } catch let cut as ConnectionCut {
        failures = (try self.partial()?.size ?? 0) > before ? 0 : failures + 1
        guard failures < Self.attempts else {
          throw Fault("\(cut)", remedy: "Run the command again; it resumes where it was")
        }
        try await Task.sleep(for: .milliseconds(200 << failures))
      }
    }
  }

  private struct Outdated: Error {}
  private struct Mismatch: Error {
    let fault: Fault
    let wasResumed: Bool
  }

  private func attempt(_ partial: inout PartialFile?) async throws -> FetchedFile {
    let asked = partial
    let request = Request(
      method: .GET, path: APIPath.result(job, file), fields: Download.fields(resuming: asked))
    return try await connection.exchange(request, accepting: asked == nil ? 200...299 : 200...416) {
      answer in
      // A refusal other than 416 has a body that says why.
      if 400...415 ~= answer.status {
        throw ProblemDetails(status: answer.status, body: try await answer.bytes(limit: 1 << 20))
      }
      guard let plan = try Download.plan(FileAnswer(answer.status, answer.fields), resuming: asked)
      else {
        throw Outdated()
      }
      return try await receive(&answer, plan)
    }
  }

  private func receive(_ answer: inout AnswerBody, _ plan: DownloadPlan) async throws -> FetchedFile {
    let part = try Files.openAppended(partPath)
    var hasher = SHA256()
    var size: UInt64 = 0
    do throws(Errno) { try part.truncate(to: plan.offset) } catch {
      throw Fault("cannot write \(Escaping.visible(partPath))", cause: error)
    }
    part.rewind()
    while size < plan.offset {
      let bytes = try Files.readPiece(
        part.number, name: partPath, size: Int(min(plan.offset - size, 1 << 20)))
      guard !bytes.isEmpty else { throw Outdated() }
      hasher.update(data: bytes)
      size += UInt64(bytes.count)
    }
    if let note = plan.note {
      try Files.replace(notePath, with: Array(note.note.utf8), durable: false)
    } else {
      try Files.remove(notePath)
    }
    while let piece = try await answer.next() {
      let bytes = Array(piece.readableBytesView)
      do throws(Errno) { try part.writeAll(bytes) } catch {
        throw Fault("cannot write \(Escaping.visible(partPath))", cause: error)
      }
      hasher.update(data: bytes)
      size += UInt64(bytes.count)
      report(size, plan.size)
    }
    if let expected = plan.size, expected != size { throw ConnectionCut(address: connection.address) }
    let hash = Array(hasher.finalize())
    guard DigestField.base64(hash) == plan.digest else {
      throw Mismatch(
        fault: Fault(
          "\(Escaping.visible(file)) is damaged: its SHA-256 in base64 is \(DigestField.base64(hash)), the box announced \(plan.digest)",
          remedy: "Nothing was kept; fetch it again, and if this lasts, check the disk of the box"),
        wasResumed: plan.offset > 0)
    }
    do throws(Errno) { try part.sync() } catch {
      throw Fault("cannot write \(Escaping.visible(partPath))", cause: error)
    }
    try Files.rename(partPath, to: path)
    try Files.remove(notePath)
    try Files.syncDirectory(directory)
    let digits = hash.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    return FetchedFile(
      file: file, path: path, bytes: size, sha256: digits, resumedAt: plan.offset)
  }

  /// What an earlier attempt left; nil if nothing of it can be used.
  private func partial() throws -> PartialFile? {
    guard Files.kind(of: partPath) != nil, Files.kind(of: notePath) != nil else { return nil }
    guard let status = Files.status(of: try Files.openAppended(partPath)) else { return nil }
    return PartialFile(size: status.size, note: try Files.read(notePath, limit: 1 << 12))
  }

  private func discard() throws {
    try Files.remove(partPath)
    try Files.remove(notePath)
  }
}

extension FileAnswer {
  init(_ status: Int, _ fields: HTTPHeaders) {
    self.init(
      status: status, contentLength: fields.first(name: "Content-Length").flatMap(UInt64.init),
      contentRange: fields.first(name: "Content-Range"), entityTag: fields.first(name: "ETag"),
      reprDigest: fields.first(name: "Repr-Digest"))
  }
}
