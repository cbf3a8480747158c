// A target file on its way into the spool.
import BoxAPI
import Kernel
import Manage
import Plan
import Spool
import Support
import Synchronization

/// One upload: into a file of staging, checked, and moved into the spool by one rename. Whatever happens, the spool gets
/// the whole file or none. Safe to use from any thread, by one at a time.
public final class Upload: Sendable {
  public let name: String
  private let folder: DataFolder
  private let principal: Principal
  private let limit: UInt64
  private let expectedDigest: [UInt8]?
  private let temporary: FileName

  private struct State: ~Copyable {
    /// nil once the file is no longer written.
    var file: Descriptor?
    var size: UInt64 = 0
    var checkedSize: UInt64 = 0
    var hash: any FileHash
    /// Whether the file is still in staging.
    var isStaged = true
  }
  private let state: Mutex<State>

  /// How many bytes may be written between two looks at the room on the disk.
  private static let roomStep: UInt64 = 16 << 20

  /// Begins an upload.
  ///
  /// - Parameters:
  ///   - length: how many bytes will come, if the client says so.
  ///   - digest: the SHA-256 that the file must have.
  ///   - limit: the most bytes.
  /// - Throws: a `Problem`; nothing is left behind.
  public init(
    _ folder: DataFolder, name: String, principal: Principal, length: UInt64?, digest: [UInt8]?,
    limit: UInt64
  ) throws(Problem) {
    if let length, length > limit { throw Problem.tooLarge(Int(clamping: limit)) }
    guard !folder.isInUse(name) else { throw DataFolder.inUse(name) }
    try folder.requireRoom(for: max(length ?? 0, Self.roomStep))
    self.folder = folder
    self.name = name
    self.principal = principal
    self.limit = limit
    expectedDigest = digest
    temporary = FileName("\(UInt64.random(in: .min ... .max))")
    do throws(Errno) {
      state = Mutex(State(file: try folder.staging.create(temporary), hash: folder.makeHash()))
    } catch {
      throw DataFolder.problem(writing: "the upload", error)
    }
  }

  deinit { abandon() }

  /// Removes what was uploaded. Does nothing after `finish`.
  public func abandon() {
    state.withLock { state in
      state.file = nil
      if state.isStaged { _ = try? folder.staging.remove(temporary) }
      state.isStaged = false
    }
  }

  /// Writes the next bytes.
  public func write(_ bytes: [UInt8]) throws(Problem) {
    let result = state.withLock { state -> Result<Void, Problem> in
      do throws(Problem) {
        try write(bytes, &state)
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  private func write(_ bytes: [UInt8], _ state: inout State) throws(Problem) {
    state.size += UInt64(bytes.count)
    guard state.size <= limit else { throw Problem.tooLarge(Int(clamping: limit)) }
    if state.size - state.checkedSize > Self.roomStep {
      try folder.requireRoom(for: Self.roomStep)
      state.checkedSize = state.size
    }
    state.hash.update(bytes)
    guard let file = state.file.take() else {
      throw Problem(500, "The service failed", "the upload was abandoned")
    }
    do throws(Errno) {
      try file.writeAll(bytes)
    } catch {
      throw DataFolder.problem(writing: "the upload", error)
    }
    state.file = consume file
  }

  /// Checks the file and moves it into the spool.
  ///
  /// - Throws: a `Problem`; nothing is left behind then.
  public func finish() throws(Problem) -> Submitted {
    let result = state.withLock { state -> Result<Submitted, Problem> in
      do throws(Problem) {
        return .success(try finish(&state))
      } catch {
        return .failure(error)
      }
    }
    if case .failure = result { abandon() }
    return try result.get()
  }

  private func finish(_ state: inout State) throws(Problem) -> Submitted {
    let digest = state.hash.finish()
    if let expectedDigest, expectedDigest != digest {
      throw Problem(
        400, "The file is damaged",
        "the SHA-256 of the \(state.size) bytes that came is \(Hexadecimal.encode(digest)), and the digest field says "
          + Hexadecimal.encode(expectedDigest))
    }
    do throws(Errno) {
      if let file = state.file.take() { try file.sync() }
    } catch {
      throw DataFolder.problem(writing: "the upload", error)
    }
    try check()
    let owner = JobOwner(owner: principal.name, submitted: Timestamp(nanoseconds: Clock.realtime))
    guard !folder.isInUse(name) else { throw DataFolder.inUse(name) }
    try folder.record(owner, of: name)
    do throws(Errno) {
      try folder.staging.move(temporary, to: folder.spool, as: FileName(name))
    } catch {
      folder.removeRecord(of: name)
      if error == .fileExists { throw DataFolder.inUse(name) }
      if error == .permissionDenied {
        throw Problem.unavailable(
          "the service may not put files into \(folder.spool.path): give it the service's group, and mode 2775",
          retryAfter: 3600)
      }
      throw DataFolder.problem(writing: "into the spool", error)
    }
    state.isStaged = false
    do throws(Errno) {
      try folder.spool.sync()
      try folder.staging.sync()
    } catch {
      throw DataFolder.problem(writing: "the spool", error)
    }
    return Submitted(
      name: name, bytes: state.size, sha256: Hexadecimal.encode(digest), owner: principal.name)
  }

  /// Reads the file as the scanner will.
  private func check() throws(Problem) {
    let mistakes: [InputError]
    do throws(Errno) {
      let file = try folder.staging.file([temporary])
      do throws(TargetStream.Failure) {
        mistakes = try TargetStream.read(file, name: name, keepsEntries: false).mistakes
      } catch {
        throw Errno.inputOutput
      }
    } catch {
      throw Problem(500, "The service failed", "cannot read the upload: \(error)")
    }
    guard mistakes.isEmpty else { throw Problem.mistakes(mistakes) }
  }
}
