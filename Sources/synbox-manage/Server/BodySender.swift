// A file on its way to a client, a piece at a time, as fast as the client reads.
import Kernel
import Manage
import ManageHost
import NIOCore
import ServiceHost
import Synchronization

final class BodySender {
  private let connection: Connection
  private let file: ResultFile
  private var next: UInt64
  private let end: UInt64
  private let compressor: SharedCompressor?
  private var isWorking = false
  private var isDone = false
  private var lastProgress = Clock.monotonic

  private static let pieceSize = 1 << 17

  init(
    _ connection: Connection, _ file: ResultFile, _ range: Range<UInt64>, _ coding: ContentCoding
  ) {
    self.connection = connection
    self.file = file
    next = range.lowerBound
    end = range.upperBound
    let kind: Compression? =
      switch coding {
      case .identity: nil
      case .gzip: .gzip
      case .zstd: .zstd
      }
    compressor = kind.map { SharedCompressor($0) }
    connection.service.transfers += 1
    if compressor != nil { connection.service.compressing += 1 }
  }

  deinit {
    connection.service.transfers -= 1
    if compressor != nil { connection.service.compressing -= 1 }
  }

  /// Whether the client has read nothing for too long.
  var isStalled: Bool {
    !isWorking && Clock.monotonic > lastProgress + Connection.Limit.stall
  }

  /// Sends the next piece, if the client has read enough of those before.
  func proceed() {
    guard !isWorking, connection.sender === self, connection.isWritable else { return }
    if isDone { return connection.endAnswer() }
    isWorking = true
    let (file, compressor, offset) = (file, compressor, next)
    let size = connection.service.pieceSize(atMost: Self.pieceSize)
    let count = Int(min(UInt64(size), end - next))
    let isLast = next + UInt64(count) == end
    connection.service.work {
      let piece = try file.read(at: offset, count: count)
      guard piece.count == count else { throw Fault("a result file became shorter while it was sent") }
      return try compressor?.add(piece, isLast: isLast) ?? piece
    } then: { [weak self] result in
      self?.take(result, count, isLast)
    }
  }

  private func take(_ result: Result<[UInt8], any Error>, _ count: Int, _ isLast: Bool) {
    isWorking = false
    lastProgress = Clock.monotonic
    guard connection.sender === self else { return }
    guard case .success(let bytes) = result else {
      Log.write(.error, "a file could not be sent", ["error": "\(result)"])
      return connection.breakOff()
    }
    next += UInt64(count)
    isDone = isLast
    connection.write(bytes) { [weak self] in
      self?.lastProgress = Clock.monotonic
      self?.proceed()
    }
  }
}

/// A compressor that one thread after the other uses.
private final class SharedCompressor: Sendable {
  private let state: Mutex<State>

  private struct State: ~Copyable {
    let kind: Compression
    var compressor: Compressor?
  }

  init(_ kind: Compression) { state = Mutex(State(kind: kind)) }

  func add(_ piece: [UInt8], isLast: Bool) throws -> [UInt8] {
    try state.withLock { state in
      if state.compressor == nil { state.compressor = try Compressor(state.kind) }
      return try state.compressor?.add(piece, isLast: isLast) ?? []
    }
  }
}

/// Events on their way to a client. One that does not read gets the latest status only, and is cut off in the end.
final class EventSender {
  private let connection: Connection
  private var queue = EventQueue()
  private var lastSent = Clock.monotonic
  private var isWriting = false

  init(_ connection: Connection) { self.connection = connection }

  func begin() {
    connection.write(EventFeed.comment) {}
  }

  func add(_ changes: [[UInt8]], _ status: [UInt8]?) {
    for change in changes { queue.add(job: change) }
    if let status { queue.add(status: status) }
    proceed()
  }

  func proceed() {
    guard !isWriting, connection.isWritable else { return }
    var bytes = queue.take()
    // So that proxies keep the connection open.
    if bytes.isEmpty {
      guard Clock.monotonic > lastSent + 15_000_000_000 else { return }
      bytes = EventFeed.comment
    }
    isWriting = true
    connection.write(bytes) { [weak self] in
      self?.isWriting = false
      self?.lastSent = Clock.monotonic
    }
  }

  var isStalled: Bool {
    (isWriting || !queue.isEmpty) && Clock.monotonic > lastSent + Connection.Limit.stall
  }
}
